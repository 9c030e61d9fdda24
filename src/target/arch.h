/*
 * What differs between CPUs, one file per CPU (arch_x86_64.c). The rest of
 * the tree asks here and names no register.
 */
#ifndef TM_TARGET_ARCH_H
#define TM_TARGET_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/* General registers of a stopped thread; false with errno. */
bool tm_regs_get(pid_t tid, struct user_regs_struct *ret);
bool tm_regs_set(pid_t tid, const struct user_regs_struct *regs);

/*
 * Stopped on the way out of a system call that the stop itself made fail with
 * EINTR? (The caller has checked that no signal is about to be handled.)
 */
bool tm_regs_eintr(const struct user_regs_struct *regs);
/* Make the thread execute that system call again. */
void tm_regs_again(struct user_regs_struct *regs);

/* The value a system call left in the registers: result or -errno. */
int64_t tm_regs_result(const struct user_regs_struct *regs);
/* Set the registers up for system call `nr` with its instruction at `at`;
 * the kernel is told that no earlier call wants to be restarted. */
void tm_regs_syscall(struct user_regs_struct *regs, uint64_t at, long nr,
		     const uint64_t args[6]);
/* Is the thread executing 64-bit code? */
bool tm_regs_64bit(const struct user_regs_struct *regs);
uint64_t tm_regs_pc(const struct user_regs_struct *regs);
void tm_regs_set_pc(struct user_regs_struct *regs, uint64_t pc);
/* The thread pointer: pthread_self() with glibc and musl. */
uint64_t tm_regs_tls(const struct user_regs_struct *regs);
/*
 * The number of the system call that the thread is in, or stands at (`code`:
 * the bytes at its pc): -1 if none.
 */
long tm_regs_syscall_nr(const struct user_regs_struct *regs,
			const unsigned char *code, size_t len);
uint64_t tm_regs_sp(const struct user_regs_struct *regs);

/*
 * A restartable system call that the stop interrupted and the kernel will
 * start again, or one that stands to be executed next (`code`: the bytes at
 * the program counter). True with its number and arguments.
 */
bool tm_regs_waiting(const struct user_regs_struct *regs, const unsigned char *code,
		     size_t len, long *ret_nr, uint64_t ret_args[6]);
/* Set the registers up for a call of `function`(arg); its return address
 * stands at `stack`, which is aligned as such a place is (8 modulo 16). */
void tm_regs_call(struct user_regs_struct *regs, uint64_t function, uint64_t arg,
		  uint64_t stack);
/* The number of the system call at whose entry the thread stands stopped. */
long tm_regs_entered(const struct user_regs_struct *regs);

/* The floating point and vector registers; false with errno. A processor (or
 * an emulated one) without XSAVE has those of FXSAVE only. */
enum { TM_FXSAVE_LEN = 512 };
struct tm_vector_regs {
	size_t len; /* TM_FXSAVE_LEN, or that of an XSAVE area, which is longer */
	unsigned char bytes[16384]; /* AMX tiles need 11 KiB */
};
bool tm_vector_regs_get(pid_t tid, struct tm_vector_regs *ret);
bool tm_vector_regs_set(pid_t tid, const struct tm_vector_regs *regs);

/*
 * One hardware breakpoint of a stopped thread: it stops with SIGTRAP after it
 * has written to the 8 bytes at `at`. Gone after exec. False with errno.
 */
bool tm_break_write(pid_t tid, uint64_t at);
bool tm_break_clear(pid_t tid);
/* Did the SIGTRAP come from it? Forgets the event. */
bool tm_break_hit(pid_t tid);

/* Is this what a signal handler returns to: the system call that ends it? */
bool tm_code_ends_handler(const unsigned char *code, size_t len);
enum { TM_HANDLER_END_LEN = 9 };

/* Code for any place: a system call without effect, then on to `entry`. It
 * changes no register that a program finds something in when it begins. */
enum { TM_DOOR_LEN = 21 };
void tm_door_make(uint64_t entry, void *code);

/* The bytes of a system call instruction. */
extern const unsigned char tm_syscall_insn[];
extern const unsigned tm_syscall_insn_len;
/* The same with a return instruction behind it. */
extern const unsigned char tm_syscall_return[];
extern const unsigned tm_syscall_return_len;

#endif
