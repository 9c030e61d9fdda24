/*
 * What differs between CPUs in the recorder, the code that runs inside of
 * foreign processes: the only header of another room that it includes.
 *
 * A port's recorder_cpu.h defines, all of it in place (static inline), without
 * vector registers and without a call of anything:
 *
 *	CPU_KEEPS
 *		an attribute of functions that keep the general registers, as hooks
 *		have to, save those of the arguments; nothing where compilers have
 *		none, and entry.S keeps them all
 *	uint64_t cpu_thread_pointer(void)
 *		what is the same for a thread all its life, and no other's; at
 *		the end of its stack in every libc
 *	uint64_t cpu_tls_block(uint32_t module)
 *		where this thread's variables of a module with that number are; 0:
 *		it has none yet
 *	uint64_t cpu_tls_block_musl(uint32_t module)
 *		the same of a program that has musl
 *	uint64_t CPU_FOURTH(const struct tm_recorder_call *call)
 *		the fourth argument of the function that was called
 *	void cpu_pause(void)
 *		in a loop that waits for another processor
 *	int64_t CPU_ADD(int64_t counter, int64_t delta)
 *		counter += delta, whole even if a signal comes, but not for other
 *		threads; what it was. A macro: an address would cost a register
 *	uint64_t cpu_divide(uint64_t high, uint64_t low, uint64_t by)
 *		(high << 64 | low) / by, where that is below 2^64
 *	uint64_t cpu_return_at(uint64_t cfa, uint64_t fp_words)
 *		where a frame's return address stands, of which the frame pointer
 *		is saved so many words below its CFA (0: it is not)
 *	uint64_t cpu_plt_cfa(uint64_t pc, uint64_t sp)
 *		the CFA in an entry of a procedure linkage table (TM_ROW_PLT),
 *		where the CFI needs arithmetic that a row cannot say
 *	int cpu_is_plt(const uint8_t *ops, uint64_t n)
 *		is this expression of DWARF the one that cpu_plt_cfa() computes?
 *	void cpu_copy(void *to, const void *from, uint64_t n)
 *	void cpu_clear(void *to, uint64_t n)
 *		bytes, without a call of memcpy() or memset()
 *	CPU_DWARF_FP, CPU_DWARF_SP, CPU_DWARF_PC
 *		the numbers of registers in DWARF's call frame information
 *	CPU_UC_PC, CPU_UC_SP, CPU_UC_FP, CPU_UC_END
 *		where a struct ucontext keeps registers; what has to be readable
 *
 * and checks the offsets that its entry.S uses. That defines, for each kind of
 * allocation function, tm_hook_NAME, to which a stub (tm_stub_make()) jumps.
 * Hooks keep every register and the flags: they hand them to the original as
 * the caller has set them, and to the caller as the original has left them;
 * they leave nothing on the stack for an original that may throw, and else a
 * struct tm_recorder_call above the return address tm_rest. What they call is
 * in recorder/hooks.c.
 *
 * It also defines tm_ask_clock(), which calls a function of the vDSO and has it return to
 * tm_clock, and leaves no copy of that address on the stack.
 *
 * entry_python.S defines tm_py_record_DOMAIN_FUNCTION for all words of CPython's
 * allocator tables, and tm_py_promote_DOMAIN_FUNCTION for those of mem and obj
 * but free, and tm_py_record_reference (recorder/abi_python.h). They are called as any function is, and are to
 * keep what that rule keeps. What they call is in recorder/python_hooks.c.
 *
 * recorder.sh says what the image may not contain.
 */
#ifndef TM_ARCH_RECORDER_H
#define TM_ARCH_RECORDER_H

#include "recorder_cpu.h"

#endif
