#include "control/launch.h"

#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "arch/arch.h"
#include "base/clock.h"
#include "remote/remote.h"
#include "target/limits.h"

enum {
	LAUNCH_TIMEOUT_MS = 2000,
	RETURN_TIMEOUT_MS = 20000,
	/* Freeing millions of traces takes seconds. */
	HOLDER_TIMEOUT_MS = 600000,
};

/* The C library's own signals (SIGCANCEL, SIGSETXID of glibc) stay open:
 * setuid() waits for every thread to take them. */
#define LIBC_SIGNALS ((uint64_t)3 << 31)

static bool await_stop(pid_t tid, uint64_t deadline, int *ret_status)
{
	struct timespec pause = { .tv_nsec = 5000 };

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

/* Run on to the next stop; false when the thread or the time is gone. */
static bool next_stop(pid_t tid, int sig, uint64_t deadline, int *ret_status)
{
	return ptrace(PTRACE_SYSCALL, tid, NULL, (long)sig) == 0 &&
	       await_stop(tid, deadline, ret_status);
}

/* It has the GIL and makes the call itself. */
static bool executes(const struct control_target *target,
		     const struct control_mapping *mapping)
{
	struct control_args args;
	struct tm_err err;

	return control_args_read(target, mapping, &args, &err) &&
	       args.head.state >= CONTROL_RUNNING && args.head.state < CONTROL_DONE;
}

/* The same, and longer for what takes long. */
static bool next_stop_of_host(const struct control_target *target,
			      const struct control_mapping *mapping, pid_t tid, int sig,
			      uint64_t deadline, int *ret_status)
{
	return next_stop(tid, sig, deadline, ret_status) ||
	       (executes(target, mapping) &&
		await_stop(tid, deadline + HOLDER_TIMEOUT_MS * 1000000ull, ret_status));
}

static bool at_mark(pid_t tid, const struct control_mapping *mapping)
{
	struct tm_regs regs;

	return tm_regs_get(tid, &regs) && tm_regs_entered(&regs) == CONTROL_MARK &&
	       tm_regs_pc(&regs) - mapping->code < CONTROL_CODE_SIZE;
}

/*
 * To the mark after the call. The other threads run: one of them may hold
 * what it waits for.
 */
static bool run_to_mark(const struct control_target *target, struct tm_remote *remote,
			const struct control_mapping *mapping, struct tm_err *err)
{
	pid_t tid = remote->host->tid;
	int limit = LAUNCH_TIMEOUT_MS, status = 0, sig = 0;
	uint64_t deadline = tm_now_ns() + (uint64_t)limit * 1000000;

	while (next_stop_of_host(target, mapping, tid, sig, deadline, &status)) {
		sig = 0;
		if (WSTOPSIG(status) == TM_SYSCALL_STOP) {
			if (!at_mark(tid, mapping))
				continue;
			/* Out of that call, so that the one that was
			 * interrupted before can be restarted. Only the
			 * scheduler can keep it from there. */
			limit = RETURN_TIMEOUT_MS;
			deadline = tm_now_ns() + (uint64_t)limit * 1000000;
			if (next_stop(tid, 0, deadline, &status))
				return true;
			break;
		}
		/* Only the C library's own signals are not blocked. */
		if (status >> 16 == 0)
			sig = WSTOPSIG(status);
	}
	return tm_err_set(err, TM_ERR_BUSY, remote->stop->process->object,
			  "thread %d did not come back from the call within %d ms",
			  (int)tid, limit);
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

/*
 * The frame that the borrowed thread returns on: at the top of the stack that
 * we give it, or, if it is to execute Python, below its own in use: newer
 * versions know their threads' stacks and end the process on another one.
 */
static bool put_frame(const struct control_target *target,
		      const struct tm_remote *remote,
		      const struct control_mapping *mapping, bool own_stack,
		      struct tm_sigframe *frame, struct tm_err *err)
{
	if (!tm_sigframe_build(remote->host->tid, &remote->saved,
			       remote->saved_mask, remote->code.insn,
			       mapping->code + CONTROL_RESTORER_AT, frame))
		return tm_err_os(err, errno, remote->stop->process->object,
				 "cannot save its vector registers");
	if (!own_stack)
		tm_sigframe_move(frame, mapping->args);
	else if (remote->has_frame)
		tm_sigframe_move(frame, remote->way_back->frame.at);
	return control_write(target, remote->host->tid, frame->at, frame->bytes, frame->len, err);
}

/* Into control_launch(), with its signals blocked and the others let go. */
static bool set_out(const struct control_target *target, struct tm_remote *remote,
		    const struct control_mapping *mapping, bool own_stack,
		    struct tm_err *err)
{
	pid_t tid = remote->host->tid;
	uint64_t mask = ~LIBC_SIGNALS;
	struct tm_regs regs = remote->saved;
	struct tm_sigframe frame;

	if (!put_frame(target, remote, mapping, own_stack, &frame, err))
		return false;
	tm_regs_call(&regs, mapping->code +
		     (tm_addr)((const char *)control_launch - control_payload_begin),
		     mapping->args, frame.back);
	if (ptrace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask) != 0 ||
	    !tm_regs_set(tid, &regs))
		return tm_err_os(err, errno, remote->stop->process->object,
				 "cannot set its registers");
	tm_stop_keep(remote->stop, remote->host);
	return true;
}

static bool run_host(const struct control_target *target, struct tm_remote *remote,
		     const struct control_mapping *mapping, bool holder, struct tm_err *err)
{
	struct tm_vector_regs vector;
	bool ok;

	if (!tm_vector_regs_get(remote->host->tid, &vector))
		return tm_err_os(err, errno, remote->stop->process->object,
				 "cannot save its vector registers");
	if (!set_out(target, remote, mapping, holder, err))
		return false;
	ok = run_to_mark(target, remote, mapping, err);
	if (!ok && err->kind == TM_ERR_BUSY)
		let_go(remote);
	else
		tm_vector_regs_set(remote->host->tid, &vector);
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
	tm_err_os(err, args.launch_error, target->process->object,
		  "pthread_create() in it failed");
	return args.launch_error == EAGAIN &&
	       tm_err_hint(err, "a thread limit has been reached (RLIMIT_NPROC, or pids.max of its cgroup)");
}

bool control_explain_raised(const struct control_target *target,
			    const struct control_call *call,
			    const struct control_args *args, struct tm_err *err)
{
	const struct tm_process *process = target->process;
	const int type_max = sizeof(args->type) - 1, text_max = sizeof(args->text) - 1;
	/* If it has no name, there was no memory for one either. */
	const bool memory = !*args->type || strcmp(args->type, "MemoryError") == 0;

	tm_err_set(err, TM_ERR_LIMIT, process->object, "%s() raised %.*s%s%.*s", call->method,
		   type_max, *args->type ? args->type : "MemoryError",
		   *args->text ? ": " : "", text_max, args->text);
	return memory && tm_limit_hint(process, ENOMEM, err);
}

bool control_reserve(const struct control_target *target, struct tm_stop *stop,
		     const struct control_args *args, struct control_mapping *ret,
		     struct tm_err *err)
{
	struct tm_remote remote;
	bool ok;

	if (!tm_remote_begin(stop, target->insn, &remote, err))
		return false;
	ok = control_map(&remote, ret, err) && control_fill(target, &remote, args, ret, err);
	if (!ok && ret->start && remote.borrowed)
		control_take_out(&remote, ret);
	tm_remote_end(&remote);
	return ok;
}

bool control_launch_on(const struct control_target *target, struct tm_stop *stop,
		       struct tm_thread *host, const struct control_args *args,
		       struct control_mapping *ret, struct tm_err *err)
{
	struct tm_remote remote = { 0 };
	bool ok = false;

	if (!tm_remote_begin_on(stop, host, target->insn, &remote, err))
		goto out;
	ok = (ret->start || control_map(&remote, ret, err)) &&
	     control_fill(target, &remote, args, ret, err) &&
	     run_host(target, &remote, ret, args->holder, err) &&
	     check_launched(target, ret, err);
	/* One that was let go comes back through it. */
	if (!ok && remote.borrowed)
		control_take_out(&remote, ret);
	tm_remote_end(&remote);
out:
	tm_stop_release(stop);
	return ok;
}
