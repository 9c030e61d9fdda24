/* The recorder on x86-64: see arch/recorder.h. */
#ifndef TM_ARCH_RECORDER_CPU_H
#define TM_ARCH_RECORDER_CPU_H

#include <stddef.h>
#include <stdint.h>

#include "arch/x86_64/context.h"
#include "arch/x86_64/entry.h"
#include "recorder/abi.h"

/* clang excepts the registers of the arguments. */
#define CPU_KEEPS __attribute__((no_caller_saved_registers))

/* What %fs:0 holds in every libc: its own address, one per thread. */
static inline uint64_t cpu_thread_pointer(void)
{
	uint64_t tp;

	__asm__("mov %%fs:0, %0" : "=r"(tp));
	return tp;
}

/* glibc: the vector of blocks is the word after %fs:0; its entries have two
 * words, and the one before the first says how many there are. */
static inline uint64_t cpu_tls_block(uint32_t module)
{
	const uint64_t *vector = *(const uint64_t *const *)(cpu_thread_pointer() + 8);
	uint64_t block;

	if (!vector || module > vector[-2])
		return 0;
	block = vector[2ul * module];
	return block == UINT64_MAX ? 0 : block;
}

/* musl: entries have one word; the first says how many there are. */
static inline uint64_t cpu_tls_block_musl(uint32_t module)
{
	const uint64_t *vector = *(const uint64_t *const *)(cpu_thread_pointer() + 8);

	return vector && module <= vector[0] ? vector[module] : 0;
}

/* The hooks' own register is that of the fourth argument, and kept for the function. */
#define CPU_FOURTH(call) ((call)->scratch)

static inline void cpu_pause(void)
{
	__builtin_ia32_pause();
}

#define CPU_ADD(counter, delta) ({ \
	int64_t cpu_old = (delta); \
	__asm__ volatile("xaddq %0, %1" : "+r"(cpu_old), "+m"(counter)); \
	cpu_old; \
})

/* The compiler would call libgcc. */
static inline uint64_t cpu_divide(uint64_t high, uint64_t low, uint64_t by)
{
	uint64_t quotient, rest;

	__asm__("divq %4" : "=a"(quotient), "=d"(rest)
		: "a"(low), "d"(high), "r"(by) : "cc");
	return quotient;
}

/* A call pushes it. */
static inline uint64_t cpu_return_at(uint64_t cfa, uint64_t fp_words)
{
	(void)fp_words;
	return cfa - 8;
}

/* CFA = rsp + 8 + ((rip & 15) >= 11) * 8: an entry pushes its number. */
static inline uint64_t cpu_plt_cfa(uint64_t pc, uint64_t sp)
{
	return sp + 8 + ((pc & 15) >= 11 ? 8 : 0);
}

/* The same as an expression of DWARF, as far as it tells it from others: breg7 8,
 * breg16 0, lit15, and. */
static inline int cpu_is_plt(const uint8_t *ops, uint64_t n)
{
	static const uint8_t plt[] = { 0x77, 8, 0x80, 0, 0x3f, 0x1a };

	for (unsigned i = 0; i < sizeof(plt); i++)
		if (i >= n || ops[i] != plt[i])
			return 0;
	return 1;
}

static inline void cpu_copy(void *to, const void *from, uint64_t n)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
}

static inline void cpu_clear(void *to, uint64_t n)
{
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(0) : "memory");
}

/* The numbers that DWARF has for the registers of a frame. */
enum { CPU_DWARF_FP = 6, CPU_DWARF_SP = 7, CPU_DWARF_PC = 16 };

enum { CPU_UC_PC = UC_RIP, CPU_UC_SP = UC_RSP, CPU_UC_FP = UC_RBP, CPU_UC_END = 256 };

/* ---- what entry.S counts on ---------------------------------------------------- */

#define SAME(type, field, offset) \
	_Static_assert(offsetof(struct type, field) == (offset), "entry.S")

SAME(tm_recorder_code, table, CODE_TABLE);
SAME(tm_recorder_code, gate, CODE_GATE);
SAME(tm_recorder_code, nallocators, CODE_NALLOCATORS);
SAME(tm_recorder_table, threads, TABLE_THREADS);
SAME(tm_recorder_table, filter, TABLE_FILTER);
SAME(tm_recorder_table, sample_bytes, TABLE_SAMPLE);
SAME(tm_recorder_thread, owner, THREAD_OWNER);
SAME(tm_recorder_thread, countdown, THREAD_COUNTDOWN);
SAME(tm_recorder_thread, inside, THREAD_INSIDE);
SAME(tm_recorder_entry, original, ENTRY_ORIGINAL);
SAME(tm_recorder_entry, nothrow, ENTRY_NOTHROW);
SAME(tm_recorder_call, args[0], CALL_DI);
SAME(tm_recorder_call, args[1], CALL_SI);
SAME(tm_recorder_call, args[2], CALL_DX);
SAME(tm_recorder_call, left_result, CALL_LEFT_AX);
SAME(tm_recorder_call, left_flags, CALL_LEFT_FLAGS);
SAME(tm_recorder_call, left_first, CALL_LEFT_DI);
SAME(tm_recorder_call, left_first, CALL_R8);
SAME(tm_recorder_call, epoch, CALL_R11);
SAME(tm_recorder_call, not_after, CALL_AFTER);
SAME(tm_recorder_call, scratch, CALL_CX);
SAME(tm_recorder_call, not_entry, CALL_ENTRY);
SAME(tm_recorder_call, fp, CALL_BP);
SAME(tm_recorder_freeing, not_entry, 8 - IN_FLAGS);
SAME(tm_recorder_freeing, pc, 8 - IN_FLAGS + IN_SIZE);
SAME(tm_recorder_code, py_words, CODE_PY_WORDS);
SAME(tm_recorder_table, python.flags, TABLE_PY_FLAGS);
SAME(tm_recorder_py_word, original, PY_WORD_ORIGINAL);
SAME(tm_recorder_py_word, most, PY_WORD_MOST);
SAME(tm_recorder_call, known, CALL_KNOWN);
SAME(tm_recorder_gate, enabled, GATE_ENABLED);
SAME(tm_recorder_gate, many_gils, GATE_MANY_GILS);
SAME(tm_recorder_gate, moving, GATE_MOVING);
SAME(tm_recorder_gate, gil.countdown, GATE_COUNTDOWN);

#undef SAME

_Static_assert(sizeof(struct tm_recorder_thread) == 1 << THREAD_SIZE_LOG2 &&
	       TM_RECORDER_THREAD_FACTOR == THREAD_FACTOR &&
	       TM_RECORDER_THREAD_SHIFT == THREAD_SHIFT &&
	       TM_RECORDER_FILTER_SHIFT == FILTER_SHIFT &&
	       TM_RECORDER_FILTER_FOLD == FILTER_FOLD &&
	       (1 << TM_RECORDER_FILTER_LOG2) - 1 == FILTER_MASK, "entry.S");

_Static_assert(sizeof(struct tm_recorder_py_word) == PY_WORD_SIZE &&
	       TM_PY_SMALL == PY_SMALL && TM_PY_NESTED == PY_NESTED &&
	       TM_PY_TAKEN == PY_TAKEN && TM_PY_WITH_C == PY_WITH_C &&
	       (int)TM_PY_TRACER == PY_TRACER && TM_PY_CREATE == PY_CREATE &&
	       TM_PY_NOTE_REACH == PY_NOTE_REACH &&
	       PY_WORD_ORIGINAL == ENTRY_ORIGINAL, "entry_python.S");

#endif
