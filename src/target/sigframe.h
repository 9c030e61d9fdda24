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
#ifndef TM_TARGET_SIGFRAME_H
#define TM_TARGET_SIGFRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

enum {
	TM_SIGFRAME_MAX = 18 * 1024, /* AMX tiles need 11 KiB */
	TM_SIGFRAME_SCRATCH = 128,
};

/* The status with which a child leaves that should never have run. */
enum { TM_LEAVE_STATUS = 173 };

struct tm_sigframe {
	uint64_t at;            /* where the bytes must stand: below the stack
				   in use */
	size_t len;
	uint64_t back;          /* the frame that gives everything back */
	uint64_t leave;         /* one that has a copy of the thread, in a child
				   process, call _exit(TM_LEAVE_STATUS) */
	uint64_t scratch;       /* TM_SIGFRAME_SCRATCH bytes within, which
				   nobody reads (struct siginfo) */
	unsigned char bytes[TM_SIGFRAME_MAX];
};

/* The code of a restorer: `rt_sigreturn` as glibc and musl both have it. */
extern const unsigned char tm_restorer_code[];
extern const unsigned tm_restorer_code_len;

/* The frames for thread `tid`, its registers and its mask; `insn` is a system
 * call instruction. False if its floating point state cannot be read. */
bool tm_sigframe_build(pid_t tid, const struct user_regs_struct *regs,
		       uint64_t mask, uint64_t insn, uint64_t restorer,
		       struct tm_sigframe *ret);

/* For another place: the last whole one before `end`. */
void tm_sigframe_move(struct tm_sigframe *frame, uint64_t end);

/* As if a handler on that frame had just returned into the restorer. */
void tm_regs_on_restorer(struct user_regs_struct *regs,
			 const struct tm_sigframe *frame, uint64_t restorer);
/* The stack pointer with which a `ret` enters the restorer. */
void tm_regs_under_frame(struct user_regs_struct *regs,
			 const struct tm_sigframe *frame);

#endif
