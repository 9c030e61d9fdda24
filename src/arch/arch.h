/*
 * What differs between CPUs. The rest of the tree asks here, and `make
 * check-deps` refuses registers, instructions and system calls of one CPU
 * elsewhere.
 *
 * To add a CPU: make a folder src/arch/NAME, where `cc -dumpmachine` prints NAME-...,
 * with these files. The compiler and the linker report by name what is missing.
 *
 *   arch.mk         flags of the compiler
 *   cpu.h           the types and sizes that stand below as "cpu.h:"
 *   regs.c          registers of a stopped thread, system calls, what the
 *                   processor offers
 *   code.c          code that is recognized or made; what code refers to
 *   sigframe.c      the way back without us
 *   unwind.c        one frame by the frame pointer, or out of a signal
 *   relocate.c      jumps into functions, and their first instructions
 *   reads.c         what a function reads
 *   refers.c        all that it refers to; thread-local variables
 *   rows.c          .eh_frame as rows for the recorder
 *   recorder_cpu.h, entry.S, recorder.sh
 *                   the recorder's own, its hooks, and what its image may not
 *                   contain: see arch/recorder.h
 *   payload_cpu.h   other code for the target: see arch/payload.h
 *
 * What files of one CPU share is in its private.h. Tests that have code of a CPU
 * in them (tests/unit/arch_*_test.c, py_code_test.c, run_payload_test.c,
 * tests/live/recorder) need theirs, too; the others compare with the target itself.
 *
 * No function here keeps anything between two calls; all may be called by any
 * thread. Addresses are the target's.
 */
#ifndef TM_ARCH_ARCH_H
#define TM_ARCH_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * cpu.h: struct tm_regs, the general registers as ptrace() and the NT_PRSTATUS
 * of a core file have them.
 *
 * TM_CPU_NAME      for messages
 * TM_ELF_MACHINE   EM_*, of core files
 * TM_USER_END      the end of what a process can address
 * TM_VDSO_CLOCK    the name of clock_gettime() in the vDSO
 * TM_NEAR_REACH    how far code may be from a function so that a jump there
 *                  and what its first instructions refer to are within reach
 * TM_RED_ZONE      bytes below the stack pointer that are in use
 * TM_RETURN_SLOT   how far below the stack pointer of the caller a function's
 *                  return address stands
 */
#include "cpu.h"

#include "arch/reads.h"
#include "base/range.h"

/* ---- regs.c: registers ------------------------------------------------------ */

/* Of a stopped thread; false with errno. */
bool tm_regs_get(pid_t tid, struct tm_regs *ret);
bool tm_regs_set(pid_t tid, const struct tm_regs *regs);

/* Is the thread executing 64-bit code? */
bool tm_regs_64bit(const struct tm_regs *regs);
uint64_t tm_regs_pc(const struct tm_regs *regs);
void tm_regs_set_pc(struct tm_regs *regs, uint64_t pc);
uint64_t tm_regs_sp(const struct tm_regs *regs);
/* The thread pointer: pthread_self() with glibc and musl. */
uint64_t tm_regs_tls(const struct tm_regs *regs);

/* Set the registers up for a call of `function`(arg) that returns on a signal
 * frame: `stack` is its `back`. */
void tm_regs_call(struct tm_regs *regs, uint64_t function, uint64_t arg,
		  uint64_t stack);

/*
 * The floating point and vector registers; false with errno. cpu.h:
 * TM_VECTOR_MAX.
 */
struct tm_vector_regs {
	size_t len;
	unsigned char bytes[TM_VECTOR_MAX];
};
bool tm_vector_regs_get(pid_t tid, struct tm_vector_regs *ret);
bool tm_vector_regs_set(pid_t tid, const struct tm_vector_regs *regs);

/* ---- regs.c: system calls --------------------------------------------------- */

/*
 * Stopped on the way out of a system call that the stop itself made fail with
 * EINTR? (The caller has checked that no signal is about to be handled.)
 */
bool tm_regs_eintr(const struct tm_regs *regs);
/* Make the thread execute that system call again. */
void tm_regs_again(struct tm_regs *regs);

/* The value a system call left in the registers: result or -errno. */
int64_t tm_regs_result(const struct tm_regs *regs);
/* Set the registers up for system call `nr` with its instruction at `at`;
 * so that the kernel does not restart an earlier one. */
void tm_regs_syscall(struct tm_regs *regs, uint64_t at, long nr,
		     const uint64_t args[6]);
/* The number of the system call at whose entry the thread is stopped. */
long tm_regs_entered(const struct tm_regs *regs);
/*
 * The number of the system call that the thread is in, or is about to make (`code`:
 * the bytes at its pc): -1 if none.
 */
long tm_regs_syscall_nr(const struct tm_regs *regs, const unsigned char *code,
			size_t len);
/*
 * A restartable system call that the stop interrupted and the kernel will
 * start again, or one that is to be executed next (`code`: the bytes at
 * the program counter). True with its number and arguments.
 */
bool tm_regs_waiting(const struct tm_regs *regs, const unsigned char *code,
		     size_t len, long *ret_nr, uint64_t ret_args[6]);

/* "read"; NULL if no call of that number is known. (Not of a port:
 * syscall_name.c does it for all.) */
const char *tm_syscall_name(long nr);

/* The call that every CPU has and that waits for the same, where some have an
 * older one, too; else `nr` itself. */
long tm_syscall_generic(long nr);

/* ---- regs.c: the processor -------------------------------------------------- */

/* What this processor lacks of what the recorder's hooks are made of; NULL if
 * it has all. */
const char *tm_cpu_lacks(void);
/* Does it compare the return addresses of this process with copies of its own,
 * so that none can be exchanged? */
bool tm_cpu_guards_returns(pid_t pid);

/* ---- code.c ----------------------------------------------------------------- */

/* A system call instruction; the same and then a return instruction. */
extern const unsigned char tm_syscall_insn[];
extern const unsigned tm_syscall_insn_len;
extern const unsigned char tm_syscall_return[];
extern const unsigned tm_syscall_return_len;
/* What ends a function of which only the frame pointer is known. */
extern const unsigned char tm_frame_end[];
extern const unsigned tm_frame_end_len;
/* A signal restorer: `rt_sigreturn` as glibc and musl both have it. */
extern const unsigned char tm_restorer_code[];
extern const unsigned tm_restorer_code_len;

/* Is this what a signal handler returns to: the system call that ends it?
 * cpu.h: TM_HANDLER_END_LEN bytes are enough; the system call instruction is
 * TM_HANDLER_END_CALL bytes into it. */
bool tm_code_ends_handler(const unsigned char *code, size_t len);

/*
 * Go's way back from C (runtime.asmcgocall, of 1.5 and later): on the stack of a thread it
 * has kept its g, and a word below that how far from the end of the goroutine's stack
 * it was. Is this the code that C returns to? Then *ret_kept, in words above sp, is
 * where the g is. cpu.h: TM_GO_RETURN_LEN bytes are enough.
 */
bool tm_code_returns_to_go(const unsigned char *code, size_t len, unsigned *ret_kept);
/* The first such place in code that is at least that long; NULL: there is none. */
const unsigned char *tm_code_find_go_return(const unsigned char *code, size_t len,
					    unsigned *ret_kept);

/* Do these bytes, which precede an address, end in a call instruction
 * (one that takes from memory where to go, if `through_memory`)? Bytes that
 * only happen to look like one count, too. cpu.h: TM_CALL_MAX. */
bool tm_code_ends_in_call(const unsigned char code[TM_CALL_MAX], bool through_memory);

/* Code for any place: a system call without effect, then on to `entry`. It
 * changes no register that a program finds something in when it begins.
 * cpu.h: TM_DOOR_LEN. */
void tm_door_make(uint64_t entry, void *code);

/*
 * The same in a function that does nothing but return, for whoever calls it: a system call
 * without effect, then it returns. It takes the word at bytes[*ret_at], with what fills the
 * place behind the function; the program counter is at bytes[*ret_at + TM_DOOR_CALL_LEN]
 * (cpu.h) while the call is made. False: it is no such function, or has no such room.
 */
bool tm_door_in_place(const uint8_t *bytes, size_t len, size_t *ret_at, uint64_t *ret_word);

/* Fill with what ends a process that executes it. */
void tm_code_trap(void *code, size_t len);

/*
 * What an instruction refers to in memory whose operand's first byte is
 * bytes[i], with bytes[0] at `at`; 0: nothing. Such bytes may be something else.
 */
uint64_t tm_code_operand(const unsigned char *bytes, size_t len, size_t i, uint64_t at);
/* The same without a look at the instruction: all that these bytes, which are
 * at `at`, can mean. cpu.h: TM_OPERAND_LEN, TM_OPERAND_MEANINGS. */
void tm_code_meanings(const unsigned char bytes[TM_OPERAND_LEN], uint64_t at,
		      uint64_t ret[TM_OPERAND_MEANINGS]);

/*
 * Where a short function of `size` bytes at `at` that only hands on to another
 * one hands on to; `at` itself if it does more.
 */
uint64_t tm_code_hands_on(const uint8_t *bytes, size_t size, uint64_t at);

/* ---- sigframe.c ------------------------------------------------------------- */

/*
 * A signal frame that gives a thread everything back without us.
 *
 * While a thread executes a system call of ours, its registers and its signal
 * mask are not its own. Should we be killed then, the kernel lets it run on
 * with what is set. So the call returns into the C library's own signal
 * restorer, on a frame like the kernel builds one for a handler: rt_sigreturn
 * puts back all registers, floating point state and mask, and the interrupted
 * system call is executed again. While we live, the frame is never used.
 */
enum { TM_SIGFRAME_SCRATCH = 128 };

/* The status with which a child leaves that should never have run. */
enum { TM_LEAVE_STATUS = 173 };

/* cpu.h: TM_SIGFRAME_MAX. */
struct tm_sigframe {
	uint64_t at;            /* where the bytes must be: below the stack in
				   use */
	size_t len;
	uint64_t back;          /* the frame that gives everything back */
	uint64_t leave;         /* one that has a copy of the thread, in a child
				   process, call _exit(TM_LEAVE_STATUS) */
	uint64_t scratch;       /* TM_SIGFRAME_SCRATCH bytes within, which
				   nobody reads (struct siginfo) */
	unsigned char bytes[TM_SIGFRAME_MAX];
};

/* The frames for thread `tid`, its registers and its mask; `insn` is a system
 * call instruction. False if its floating point state cannot be read. */
bool tm_sigframe_build(pid_t tid, const struct tm_regs *regs, uint64_t mask,
		       uint64_t insn, uint64_t restorer, struct tm_sigframe *ret);
/* For another place: the last whole one before `end`. */
void tm_sigframe_move(struct tm_sigframe *frame, uint64_t end);

/* As if a handler on that frame had just returned into the restorer. */
void tm_regs_on_restorer(struct tm_regs *regs, const struct tm_sigframe *frame,
			 uint64_t restorer);
/* As if the restorer were the caller, so that a return instruction enters it. */
void tm_regs_under_frame(struct tm_regs *regs, const struct tm_sigframe *frame);

/*
 * May words[0], on a stack with `left` words from there on, be the return address
 * of a signal handler: does what the kernel always writes after it follow? Then
 * what the handler has interrupted. (Other memory may look like it: see whether
 * the address leads to tm_code_ends_handler().)
 */
bool tm_sigframe_saved(const uint64_t *words, size_t left, uint64_t *ret_pc,
		       uint64_t *ret_sp);
/* May words[0] be the program counter in such a frame? */
bool tm_sigframe_is_pc(const uint64_t *words, size_t left);

/* ---- unwind.c --------------------------------------------------------------- */

/* A register by its DWARF number, which is libunwind's, too; false if there is
 * none below TM_UNWIND_REGS (cpu.h). */
bool tm_regs_dwarf(const struct tm_regs *regs, int number, uint64_t *ret);
bool tm_regs_set_dwarf(struct tm_regs *regs, int number, uint64_t value);

/* The caller's registers where the frame pointer is one: `frame` are the two
 * words that it points to. */
uint64_t tm_regs_fp(const struct tm_regs *regs);
void tm_regs_step(struct tm_regs *regs, const uint64_t frame[2]);
/* Go on at `pc` with this stack pointer, in another stack; all else is as it was. */
void tm_regs_returned(struct tm_regs *regs, uint64_t pc, uint64_t sp);

/* The registers before a signal, from the ucontext_t on top of the stack where
 * its handler returns to. cpu.h: TM_UCONTEXT_LEN. */
void tm_regs_before_signal(struct tm_regs *ret,
			   const unsigned char context[TM_UCONTEXT_LEN]);

/* ---- relocate.c ------------------------------------------------------------- */

/*
 * Moving the first instructions of a function elsewhere, so that a jump fits
 * in their place. cpu.h: TM_JUMP_SIZE, that of the jump; TM_TRAMPOLINE_SIZE,
 * room for any prologue that is taken.
 */
struct tm_trampoline {
	uint8_t taken;           /* bytes of the function that were moved */
	uint8_t size;            /* of the code below */
	uint8_t code[TM_TRAMPOLINE_SIZE];
	/* For each byte that a jump would take: where in `code` the instruction
	 * went that begins there; 0: none does, but for the first. */
	uint8_t moved[TM_JUMP_SIZE];
};

/*
 * Where a function may come to, with all that it jumps to and calls, and what that calls:
 * words in memory that say where to go on, as the entries of a linkage table do, and whether
 * it jumps to or calls the place that is asked for. False: these are not all, as it goes where a
 * register says, too, or is too much to follow. Code is hostile.
 */
enum { TM_REACH_MAX = 64 };

struct tm_reach {
	uint64_t asked; /* set by the caller; the rest begins as zeroes */
	bool passed;
	uint64_t words[TM_REACH_MAX];
	size_t n;
};

bool tm_code_reach(uint64_t function,
		   size_t (*read)(void *ctx, uint64_t at, void *buf, size_t len), void *ctx,
		   struct tm_reach *ret);

/*
 * Where the instructions of a function are, and of those that it jumps to, not of those
 * that it calls: ranges in order that do not touch. Returns how many; 0: there are more than
 * `max`, or the code is not understood. Code is hostile.
 */
size_t tm_code_extent(uint64_t function,
		      size_t (*read)(void *ctx, uint64_t at, void *buf, size_t len), void *ctx,
		      struct tm_range *ret, size_t max);

/* How many bytes at the start of a function stay where they are, because
 * indirect jumps have to land on them: 0 or TM_LANDING_LEN (cpu.h). */
size_t tm_landing_len(const uint8_t *bytes, size_t len);

/* Is this a function that does nothing but return, nothing or 0? */
bool tm_function_is_idle(const uint8_t *bytes, size_t len);
/* Where a function at `at` goes if it does nothing but jump to another one; 0: it does more. */
uint64_t tm_function_jumps_to(const uint8_t *bytes, size_t len, uint64_t at);

/*
 * Move at least TM_JUMP_SIZE bytes from the function at `from`, whose first
 * `len` bytes are given (all of it, if its size is known), to `to`. Returns
 * NULL, or why it cannot be done.
 */
const char *tm_trampoline_make(const uint8_t *bytes, size_t len, uint64_t from,
			       uint64_t to, struct tm_trampoline *ret);

/* A jump at `from` to `to`; false if it is too far. */
bool tm_jump_make(uint64_t from, uint64_t to, uint8_t ret[TM_JUMP_SIZE]);

/*
 * What a patched function jumps to: into `hook`, which is given `entry`
 * (entry.S says how), with all else as it was. The trampoline follows it directly,
 * and is entered at TM_STUB_ORIGINAL, which removes what the hook had to
 * leave. cpu.h: TM_STUB_SIZE, TM_STUB_ORIGINAL.
 */
void tm_stub_make(uint64_t entry, uint64_t hook, uint8_t ret[TM_STUB_SIZE]);

/* ---- rows.c ----------------------------------------------------------------- */

/* The row (recorder/abi.h) that says of this libdw Dwarf_Frame how to
 * get to its caller. */
struct Dwarf_Frame_s;
uint32_t tm_row_of(struct Dwarf_Frame_s *frame, bool is_signal);

#endif
