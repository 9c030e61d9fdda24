/*
 * System calls executed by a stopped thread of a target. No function of the
 * target is called and none of its memory is written: the thread executes one
 * existing system call instruction (the vDSO's), with all signals blocked, and
 * gets every register and its signal mask back.
 */
#ifndef TM_REMOTE_REMOTE_H
#define TM_REMOTE_REMOTE_H

#include <sys/types.h>
#include <sys/user.h>

#include "mem/mem.h"
#include "target/maps.h"
#include "target/sigframe.h"
#include "target/stop.h"
#include "tmattach/err.h"

/* Code that the target has anyway and that serves us. */
struct tm_remote_code {
	tm_addr insn;     /* a system call instruction, followed by a return */
	tm_addr restorer; /* the C library's signal restorer; 0: not found */
};

struct tm_remote {
	struct tm_stop *stop;
	struct tm_thread *host;
	struct tm_remote_code code;
	struct user_regs_struct saved;
	uint64_t saved_mask;
	bool borrowed;                /* registers and mask are ours */
	/*
	 * The way back without us (sigframe.h), and what stood in its place:
	 * bytes below the stack in use. Not every stack has room for it.
	 */
	bool has_frame;
	struct tm_sigframe frame;
	unsigned char under[TM_SIGFRAME_MAX];
	int mem_fd;
};

/* Find it in the C library, the vDSO and whatever else is executable. */
bool tm_remote_find_insn(struct tm_mem *mem, const struct tm_maps *maps,
			 struct tm_remote_code *ret,
			 struct tm_err *err) TM_MUST_CHECK;

/*
 * Choose a thread that can execute system calls now and borrow it.
 * TM_ERR_BUSY if none can at this instant (all wait in vfork, or stand in an
 * rseq critical section); TM_ERR_UNSUPPORTED for a seccomp filter that we may
 * not suspend.
 */
bool tm_remote_begin(struct tm_stop *stop, struct tm_remote_code code,
		     struct tm_remote *ret, struct tm_err *err) TM_MUST_CHECK;

/* The same with a thread of the caller's choice. */
bool tm_remote_begin_on(struct tm_stop *stop, struct tm_thread *host,
			struct tm_remote_code code, struct tm_remote *ret,
			struct tm_err *err) TM_MUST_CHECK;

/*
 * One call; *ret is its result or -errno. If `ret_child` is not NULL the call
 * may create a process: its pid as we see it, which then stands in a ptrace
 * stop of ours and has not run. Fails when the thread dies meanwhile.
 */
bool tm_remote_syscall(struct tm_remote *remote, long nr, const uint64_t args[6],
		       int64_t *ret, pid_t *ret_child, struct tm_err *err) TM_MUST_CHECK;

/*
 * Give up a thread that is on its way back by a frame of the caller's own, and
 * is stopped somewhere on it: it keeps its registers and signal mask.
 */
void tm_remote_leave(struct tm_remote *remote);

/*
 * Give the thread back. Right after this the stop must be released (a
 * blocking call that the stop interrupted is then restarted by the kernel).
 * No-op if nothing is borrowed.
 */
void tm_remote_end(struct tm_remote *remote);

#endif
