#include "remote/freeze.h"
#include "target/children.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/arch.h"
#include "base/guard.h"
#include "base/log.h"
#include "mem/poke.h"

static const char copy_name[] = "tmattach-copy";

static bool wait_for_birth(pid_t child, struct tm_err *err)
{
	int status;
	pid_t got;

	do {
		got = waitpid(child, &status, __WALL);
	} while (got < 0 && errno == EINTR);
	if (got == child && WIFSTOPPED(status))
		return true;
	return tm_err_set(err, TM_ERR_OS, "", "the frozen copy did not start");
}

static bool clone_refused(const struct tm_stop *stop, int64_t result,
			  struct tm_err *err)
{
	tm_err_os(err, (int)-result, stop->process->object,
		  "the kernel refuses a copy");
	if (result == -EAGAIN)
		return tm_err_hint(err, "a process limit has been reached (RLIMIT_NPROC, or pids.max of its cgroup); --no-fork needs none");
	if (result == -ENOMEM)
		return tm_err_hint(err, "not enough memory to commit for a copy; use --no-fork");
	return false;
}

/* Where the name of the copy can be put: dead bytes below the red zone. */
static tm_addr scratch_below(const struct tm_remote *remote)
{
	return (tm_regs_sp(&remote->saved) - 1024) & ~(tm_addr)15;
}

/*
 * If we are killed in the few microseconds before EXITKILL is set, the copy
 * begins to run. Its stack is such that it leaves at once; if there is no
 * room for that, one that no process has: it faults, with all signals
 * blocked, which ends it, too.
 */
static tm_addr stack_of_copy(const struct tm_remote *remote)
{
	enum { NOWHERE = 16 };

	return remote->has_frame ? remote->way_back->frame.leave : NOWHERE;
}

/* Short of memory, the kernel should kill the copy and not the target, which
 * looks exactly as large. If that fails, we go on all the same. */
static void offer_to_oom_killer(pid_t copy)
{
	static const char first[] = "1000";
	TM_GUARD(tm_fd_close) int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)copy);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, first, sizeof(first) - 1) < 0)
		tm_log("the copy is not the first for the OOM killer: %s",
		       strerror(errno));
}

bool tm_freeze_copy(struct tm_stop *stop, struct tm_remote_code insn,
		    struct tm_copy *ret, struct tm_err *err)
{
	/* Exit signal 0: the target gets no signal when the child ends. */
	uint64_t args[6] = { CLONE_FILES | CLONE_FS };
	struct tm_remote remote;
	int64_t result = 0;
	bool done;

	*ret = (struct tm_copy){ .insn = insn };
	if (!tm_remote_begin(stop, insn, &remote, err))
		return false;
	ret->scratch = scratch_below(&remote);
	args[1] = stack_of_copy(&remote);
	/* The child inherits these and so is ours from its first instant. */
	done = (tm_thread_option(remote.host, PTRACE_O_TRACECLONE |
				 PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK) ||
		tm_err_os(err, errno, stop->process->object,
			  "cannot trace a copy")) &&
	       tm_remote_syscall(&remote, SYS_clone, args, &result, &ret->pid, err);
	tm_remote_end(&remote);
	if (!done)
		return false;
	if (result < 0)
		return clone_refused(stop, result, err);
	ret->target_view = (pid_t)result;
	if (ret->pid <= 0)
		return tm_err_set(err, TM_ERR_OS, stop->process->object,
				  "the frozen copy could not be traced");
	offer_to_oom_killer(ret->pid);
	return wait_for_birth(ret->pid, err) &&
	       (ptrace(PTRACE_SETOPTIONS, ret->pid, NULL,
		       PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD) == 0 ||
		tm_err_os(err, errno, stop->process->object,
			  "cannot guard the frozen copy"));
}

void tm_freeze_name(const struct tm_copy *copy)
{
	const uint64_t args[6] = { PR_SET_NAME, copy->scratch };
	struct tm_process process = { .pid = copy->pid };
	struct tm_thread thread = {
		.tid = copy->pid,
		.state = TM_THREAD_STOPPED,
		.options = PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD,
	};
	struct tm_stop stop = { .process = &process, .threads = &thread, .n = 1 };
	struct tm_remote remote;
	struct tm_err err;
	int64_t result;

	if (!tm_poke_once(copy->pid, copy->pid, copy->scratch, copy_name,
			  sizeof(copy_name)))
		return;
	if (tm_remote_begin(&stop, copy->insn, &remote, &err)) {
		if (!tm_remote_syscall(&remote, SYS_prctl, args, &result, NULL, &err))
			tm_log("the copy could not be named: %s", err.cause);
		tm_remote_end(&remote);
	}
}

void tm_freeze_kill(struct tm_copy *copy)
{
	int status;

	if (copy->pid <= 0)
		return;
	/* Another user's process, without CAP_KILL: its tracer may do this all the same. */
	if (kill(copy->pid, SIGKILL) != 0)
		ptrace(PTRACE_KILL, copy->pid, NULL, NULL);
	while (waitpid(copy->pid, &status, __WALL) < 0 && errno == EINTR)
		;
	copy->pid = 0;
}

/* Field numbers of proc(5) /proc/PID/stat. */
enum { STAT_MINFLT = 10, STAT_MAJFLT = 12, STAT_UTIME = 14,
       STAT_EXIT_SIGNAL = 38, STAT_EXIT_CODE = 52 };

/* What is touched for a copy: the name, the rseq area, a page or two for
 * leaving. */
enum { FEW_FAULTS = 8 };

/* Killed by us or with us, or it exited by itself: see stack_of_copy(). */
static bool ended_like_a_copy(long code)
{
	return code == SIGKILL || code == TM_LEAVE_STATUS << 8 ||
	       (code & 0x7f) == SIGSEGV;
}

/* A process that has exit signal 0 and touched next to no page: no one else
 * makes children that never run. (Its name would not do: we may be killed
 * before the copy has one.) */
static bool never_ran(pid_t child)
{
	char path[64], text[1024], *at;
	TM_GUARD(tm_file_close) FILE *file = NULL;
	long values[STAT_EXIT_CODE + 1] = { 0 };
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)child);
	file = fopen(path, "re");
	len = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	text[len] = '\0';
	at = strrchr(text, ')');
	if (!at || at[1] != ' ' || at[2] != 'Z')
		return false;
	at += 3;
	for (int field = 4; field <= STAT_EXIT_CODE; field++)
		values[field] = strtol(at, &at, 10);
	return values[STAT_EXIT_SIGNAL] == 0 && values[STAT_UTIME] == 0 &&
	       values[STAT_MINFLT] <= FEW_FAULTS && values[STAT_MAJFLT] == 0 &&
	       ended_like_a_copy(values[STAT_EXIT_CODE]);
}

/* Up to `max` stale copies among the children of all threads, by the pid that the
 * target knows them by. */
static size_t list_stale(pid_t pid, pid_t *ret, size_t max)
{
	TM_GUARD(tm_pids_free) struct tm_pids children = { 0 };
	size_t n = 0;

	tm_children_add(pid, &children);
	for (size_t i = 0; i < children.n && n < max; i++)
		if (never_ran(children.items[i]) &&
		    (ret[n] = tm_process_inner_pid(children.items[i])) > 0)
			n++;
	return n;
}

bool tm_freeze_has_stale(pid_t pid)
{
	pid_t one;

	return list_stale(pid, &one, 1) > 0;
}

bool tm_freeze_reap(struct tm_stop *stop, struct tm_remote_code insn,
		    struct tm_err *err)
{
	enum { MAX = 64 };
	pid_t stale[MAX];
	struct tm_remote remote;
	size_t n = list_stale(stop->process->pid, stale, MAX);
	bool ok = true;

	if (n == 0)
		return true;
	if (!tm_remote_begin(stop, insn, &remote, err))
		return false;
	for (size_t i = 0; i < n && ok; i++) {
		const uint64_t args[6] = { (uint64_t)stale[i], 0,
					   __WALL | WNOHANG, 0 };
		int64_t result;

		ok = tm_remote_syscall(&remote, SYS_wait4, args, &result, NULL,
				       err);
		if (ok && result != stale[i])
			tm_log("reaping %d: %ld", (int)stale[i], (long)result);
	}
	tm_remote_end(&remote);
	return ok;
}
