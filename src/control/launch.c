#include "control/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"
#include "control/stray.h"
#include "remote/remote.h"
#include "target/arch.h"

enum {
	LAUNCH_TIMEOUT_MS = 2000,
	SYSCALL_STOP = SIGTRAP | 0x80,
	/* Where in the code page the restorer stands. */
	RESTORER_AT = CONTROL_CODE_SIZE - 32,
};

/* The C library's own signals (SIGCANCEL, SIGSETXID of glibc) stay open:
 * setuid() waits for every thread to take them. */
#define LIBC_SIGNALS ((uint64_t)3 << 31)

/* ---- memory ------------------------------------------------------------------ */

bool control_write(const struct control_target *target, tm_addr at,
		   const void *bytes, size_t len, struct tm_err *err)
{
	TM_GUARD(tm_fd_close) int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)target->process->pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return tm_err_os(err, errno, target->process->object,
				 "cannot open %s for writing", path);
	if (pwrite(fd, bytes, len, (off_t)at) != (ssize_t)len)
		return tm_err_os(err, errno, target->process->object,
				 "cannot write to its memory");
	return true;
}

bool control_args_read(const struct control_target *target,
		       const struct control_mapping *mapping,
		       struct control_args *ret, struct tm_err *err)
{
	return tm_mem_read(target->mem, mapping->args, ret, sizeof(*ret), err);
}

/* One remote call that must not fail. */
static bool call(struct tm_remote *remote, long nr, const char *name,
		 const uint64_t args[6], int64_t *ret, struct tm_err *err)
{
	if (!tm_remote_syscall(remote, nr, args, ret, NULL, err))
		return false;
	if (*ret >= -4095 && *ret < 0)
		return tm_err_os(err, (int)-*ret, remote->stop->process->object,
				 "%s() in it failed", name);
	return true;
}

static bool protect(struct tm_remote *remote, tm_addr at, uint64_t len, int prot,
		    struct tm_err *err)
{
	const uint64_t args[6] = { at, len, (uint64_t)prot };
	int64_t result;

	return call(remote, SYS_mprotect, "mprotect", args, &result, err);
}

/* Executable at once and never writable: where a process may not make its
 * memory executable later on, this is allowed. We write to it all the same. */
static bool map(struct tm_remote *remote, struct control_mapping *ret,
		struct tm_err *err)
{
	const uint64_t args[6] = {
		0, CONTROL_MAPPING_SIZE, PROT_READ | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, (uint64_t)-1, 0,
	};
	tm_addr end;
	int64_t at;

	if (!call(remote, SYS_mmap, "mmap", args, &at, err))
		return false;
	end = (tm_addr)at + CONTROL_MAPPING_SIZE;
	*ret = (struct control_mapping){
		.start = (tm_addr)at, .len = CONTROL_MAPPING_SIZE,
		.args = end - CONTROL_CODE_SIZE - CONTROL_ARGS_SIZE,
		.code = end - CONTROL_CODE_SIZE,
	};
	return true;
}

static void unmap(struct tm_remote *remote, struct control_mapping *mapping)
{
	const uint64_t args[6] = { mapping->start, mapping->len };
	struct tm_err err;
	int64_t result;

	if (mapping->start && !call(remote, SYS_munmap, "munmap", args, &result, &err))
		tm_log("control: %s: %s", err.object, err.cause);
	*mapping = (struct control_mapping){ 0 };
}

static bool write_args(const struct control_target *target,
		       const struct control_args *args,
		       const struct control_mapping *mapping, struct tm_err *err)
{
	struct control_args full = *args;

	control_sign(&full.head);
	full.head.start = mapping->start;
	full.head.len = mapping->len;
	full.stack = mapping->start + CONTROL_GUARD_SIZE;
	full.stack_size = CONTROL_STACK_SIZE;
	full.start = mapping->code + (tm_addr)((const char *)control_thread -
					       control_payload_begin);
	return control_write(target, mapping->args, &full, sizeof(full), err);
}

static bool write_code(const struct control_target *target,
		       const struct control_mapping *mapping, struct tm_err *err)
{
	size_t len = (size_t)(control_payload_end - control_payload_begin);

	if (len > RESTORER_AT)
		return tm_err_set(err, TM_ERR_LIMIT, "tmattach",
				  "the code for the target is too long");
	return control_write(target, mapping->code, control_payload_begin, len, err) &&
	       control_write(target, mapping->code + RESTORER_AT, tm_restorer_code,
			     tm_restorer_code_len, err);
}

/* The head first: it is known by that if we are killed. */
static bool fill(const struct control_target *target, struct tm_remote *remote,
		 const struct control_args *args, const struct control_mapping *mapping,
		 struct tm_err *err)
{
	const tm_addr stack = mapping->start + CONTROL_GUARD_SIZE;

	return write_args(target, args, mapping, err) &&
	       write_code(target, mapping, err) &&
	       protect(remote, mapping->start, CONTROL_GUARD_SIZE, PROT_NONE, err) &&
	       protect(remote, stack, mapping->code - stack,
		       PROT_READ | PROT_WRITE, err);
}

/* ---- the borrowed thread ------------------------------------------------------- */

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
			       mapping->code + RESTORER_AT, frame))
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
	ok = map(&remote, ret, err) && fill(target, &remote, args, ret, err) &&
	     run_host(target, &remote, ret, err) && check_launched(target, ret, err);
	/* One that was let go comes back through it. */
	if (!ok && remote.borrowed)
		unmap(&remote, ret);
	tm_remote_end(&remote);
out:
	tm_stop_release(stop);
	return ok;
}

/* ---- taking it out -------------------------------------------------------------- */

/*
 * The stack pointer of a thread that did not stop in time: known if it waits
 * in the kernel; if it is about to run, it can stand anywhere.
 */
static bool sp_in_kernel(pid_t pid, pid_t tid, tm_addr *ret)
{
	TM_GUARD(tm_file_close) FILE *file = NULL;
	char path[64], line[256] = "";
	char *last, *sp;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", (int)pid, (int)tid);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		return false;
	/* "nr args... sp pc", or "running". */
	last = strrchr(line, ' ');
	if (!last)
		return false;
	*last = '\0';
	sp = strrchr(line, ' ');
	*ret = sp ? strtoull(sp + 1, NULL, 16) : 0;
	return sp != NULL;
}

static bool may_stand_in(const struct tm_stop *stop, const struct tm_thread *thread,
			 const struct control_mapping *mapping)
{
	struct user_regs_struct regs;
	tm_addr sp;

	if (thread->state == TM_THREAD_GONE)
		return false;
	if (tm_regs_get(thread->tid, &regs))
		sp = tm_regs_sp(&regs);
	else if (!sp_in_kernel(stop->process->pid, thread->tid, &sp))
		return true;
	return sp - mapping->start < mapping->len;
}

static bool stands_in(const struct tm_stop *stop, const struct control_mapping *mapping)
{
	for (size_t i = 0; i < stop->n; i++)
		if (may_stand_in(stop, &stop->threads[i], mapping))
			return true;
	return false;
}

bool control_unmap(const struct control_target *target, struct tm_stop *stop,
		   struct control_mapping *mapping, bool *ret_busy, struct tm_err *err)
{
	struct tm_remote remote = { 0 };

	*ret_busy = stands_in(stop, mapping);
	if (*ret_busy)
		return true;
	if (!tm_remote_begin(stop, target->insn, &remote, err))
		return false;
	unmap(&remote, mapping);
	tm_remote_end(&remote);
	return true;
}
