#include "control/launch.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "base/clock.h"
#include "remote/remote.h"
#include "target/arch.h"

enum {
	LAUNCH_TIMEOUT_MS = 2000,
	SYSCALL_STOP = SIGTRAP | 0x80,
};

/* The C library's own signals (SIGCANCEL, SIGSETXID of glibc) stay open:
 * setuid() waits for every thread to take them. */
#define LIBC_SIGNALS ((uint64_t)3 << 31)

/* Run on to the next stop; false when the thread or the time is gone. */
static bool next_stop(pid_t tid, int sig, uint64_t deadline, int *ret_status)
{
	struct timespec pause = { .tv_nsec = 5000 };

	if (ptrace(PTRACE_SYSCALL, tid, NULL, (long)sig) != 0)
		return false;
	for (;;) {
		pid_t got = waitpid(tid, ret_status, __WALL | WNOHANG);

		if (got == tid)
			return WIFSTOPPED(*ret_status);
		if ((got < 0 && errno != EINTR) || tm_now_ns() > deadline)
			return false;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 200000)
			pause.tv_nsec *= 2;
	}
}

static bool at_mark(pid_t tid, const struct control_mapping *mapping)
{
	struct user_regs_struct regs;

	return tm_regs_get(tid, &regs) && tm_regs_entered(&regs) == CONTROL_MARK &&
	       tm_regs_pc(&regs) - mapping->code < CONTROL_CODE_SIZE;
}

/*
 * To the mark behind pthread_create(). The other threads run: one of them may
 * hold what the call waits for.
 */
static bool run_to_mark(struct tm_remote *remote, const struct control_mapping *mapping,
			struct tm_err *err)
{
	pid_t tid = remote->host->tid;
	uint64_t deadline = tm_now_ns() + LAUNCH_TIMEOUT_MS * 1000000ull;
	int status = 0, sig = 0;

	while (next_stop(tid, sig, deadline, &status)) {
		sig = 0;
		if (WSTOPSIG(status) == SYSCALL_STOP) {
			if (!at_mark(tid, mapping))
				continue;
			/* Out of that call, so that the one that was
			 * interrupted before can be restarted. */
			return next_stop(tid, 0, deadline, &status) ||
			       tm_err_set(err, TM_ERR_GONE, "", "the thread has ended");
		}
		/* Only the C library's own signals are not blocked. */
		if (status >> 16 == 0)
			sig = WSTOPSIG(status);
	}
	return tm_err_set(err, TM_ERR_BUSY, remote->stop->process->object,
			  "thread %d did not come back from pthread_create() "
			  "within %d ms", (int)tid, LAUNCH_TIMEOUT_MS);
}

/*
 * It hangs in the call, and may hold a lock there: it is not torn out of it,
 * but let go. When the call is over it returns on the frame.
 */
static void let_go(struct tm_remote *remote)
{
	pid_t tid = remote->host->tid;
	int status;

	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0 &&
	    waitpid(tid, &status, __WALL) == tid && WIFSTOPPED(status))
		tm_remote_leave(remote);
}

/* The frame that the borrowed thread returns on, at the top of the stack that
 * we give it. */
static bool put_frame(const struct control_target *target,
		      const struct tm_remote *remote,
		      const struct control_mapping *mapping,
		      struct tm_sigframe *frame, struct tm_err *err)
{
	if (!tm_sigframe_build(remote->host->tid, &remote->saved,
			       remote->saved_mask, remote->code.insn,
			       mapping->code + CONTROL_RESTORER_AT, frame))
		return tm_err_os(err, errno, remote->stop->process->object,
				 "cannot save its vector registers");
	tm_sigframe_move(frame, mapping->args);
	return control_write(target, frame->at, frame->bytes, frame->len, err);
}

static bool run_host(const struct control_target *target, struct tm_remote *remote,
		     const struct control_mapping *mapping, struct tm_err *err)
{
	pid_t tid = remote->host->tid;
	uint64_t mask = ~LIBC_SIGNALS;
	struct user_regs_struct regs = remote->saved;
	struct tm_vector_regs vector;
	struct tm_sigframe frame;
	bool ok;

	if (!tm_vector_regs_get(tid, &vector))
		return tm_err_os(err, errno, remote->stop->process->object,
				 "cannot save its vector registers");
	if (!put_frame(target, remote, mapping, &frame, err))
		return false;
	tm_regs_call(&regs, mapping->code +
		     (tm_addr)((const char *)control_launch - control_payload_begin),
		     mapping->args, frame.back);
	if (ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask) != 0 ||
	    !tm_regs_set(tid, &regs))
		return tm_err_os(err, errno, remote->stop->process->object,
				 "cannot set its registers");
	tm_stop_keep(remote->stop, remote->host);
	ok = run_to_mark(remote, mapping, err);
	if (!ok && err->kind == TM_ERR_BUSY)
		let_go(remote);
	else
		tm_vector_regs_set(tid, &vector);
	return ok;
}

static bool check_launched(const struct control_target *target,
			   const struct control_mapping *mapping, struct tm_err *err)
{
	struct control_args args;

	if (!control_args_read(target, mapping, &args, err))
		return false;
	if (args.launched && args.launch_error == 0)
		return true;
	return tm_err_os(err, args.launch_error, target->process->object,
			 "pthread_create() in it failed");
}

bool control_launch_on(const struct control_target *target, struct tm_stop *stop,
		       struct tm_thread *host, const struct control_args *args,
		       struct control_mapping *ret, struct tm_err *err)
{
	struct tm_remote remote = { 0 };
	bool ok = false;

	*ret = (struct control_mapping){ 0 };
	if (!tm_remote_begin_on(stop, host, target->insn, &remote, err))
		goto out;
	ok = control_map(&remote, ret, err) &&
	     control_fill(target, &remote, args, ret, err) &&
	     run_host(target, &remote, ret, err) && check_launched(target, ret, err);
	/* One that was let go comes back through it. */
	if (!ok && remote.borrowed)
		control_take_out(&remote, ret);
	tm_remote_end(&remote);
out:
	tm_stop_release(stop);
	return ok;
}
