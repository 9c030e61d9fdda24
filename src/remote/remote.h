/*
 * System calls executed by a stopped thread of a target. No function of the
 * target is called: the thread executes one existing system call instruction
 * (the C library's, or any other), with all signals blocked, and gets every
 * register and its signal mask back. Meanwhile there is a signal frame below
 * its stack (arch/arch.h), up to TM_SIGFRAME_MAX unused bytes, which are put
 * back as well.
 */
#ifndef TM_REMOTE_REMOTE_H
#define TM_REMOTE_REMOTE_H

#include <sys/types.h>

#include "arch/arch.h"
#include "mem/mem.h"
#include "target/maps.h"
#include "target/stop.h"
#include "tmattach/err.h"

/* Code that the target has anyway and that we use. */
struct tm_remote_code {
	tm_addr insn;     /* a system call instruction, followed by a return */
	tm_addr restorer; /* the C library's signal restorer; 0: not found */
};

/* The way back without us (arch/arch.h), and what was in its place: bytes below
 * the stack in use. */
struct tm_way_back {
	struct tm_sigframe frame;
	unsigned char under[TM_SIGFRAME_MAX];
};

struct tm_remote {
	struct tm_stop *stop;
	struct tm_thread *host;
	struct tm_remote_code code;
	struct tm_regs saved;
	uint64_t saved_mask;
	bool borrowed;                /* registers and mask are ours */
	bool has_frame;               /* not every stack has room for it */
	struct tm_way_back *way_back; /* ours; NULL: nothing is borrowed */
	int mem_fd;
};

/* Find it in the C library, the vDSO and any other executable memory. */
bool tm_remote_find_insn(struct tm_mem *mem, const struct tm_maps *maps,
			 struct tm_remote_code *ret,
			 struct tm_err *err) TM_MUST_CHECK;

/*
 * Borrow a thread that can execute system calls now, preferably one that
 * waits (host.h). TM_ERR_BUSY if none can at this instant (all wait in vfork, or are in an
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
 * may create a process: its pid as we see it, which is then in a ptrace stop
 * of ours and has not run. Fails when the thread dies meanwhile.
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
