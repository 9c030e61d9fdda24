#include "tmattach/run.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/guard.h"
#include "base/log.h"
#include "py/finalizing.h"
#include "session/attach.h"
#include "session/run_guard.h"
#include "session/sample.h"
#include "target/arch.h"
#include "target/maps.h"

/* linux/ptrace.h clashes with sys/ptrace.h; kernel ABI. */
enum { EVENT_STOP = 128 };

/* What our breakpoint in the command means. */
enum watch {
	WATCH_NOTHING,
	WATCH_ENTRY,      /* its libraries are loaded, its code begins */
	WATCH_FINALIZING, /* the interpreter begins to end */
};

struct run {
	const struct tm_run_opts *opts;
	pid_t pid;
	struct run_guard guard;
	bool executed;        /* the command's own program has begun */
	enum watch watch;
	tm_addr finalizing;   /* 0: not known (yet) */
	bool was_python;
	bool final_done;      /* the last snapshot is taken, or missed */
	bool ended;
	int status;           /* of wait() */
};

static void note(const struct run *run, const char *object, const char *text)
{
	char line[1024];

	snprintf(line, sizeof(line), "%s: %s", object, text);
	run->opts->note(run->opts->ctx, line);
}

/* ---- snapshots ---------------------------------------------------------------- */

/*
 * `held`: the command's main thread stands in a stop of ours. It is the last
 * moment then: no copy is made, and a lock whose owner has ended is not
 * waited for as long.
 */
static bool take_snapshot(struct run *run, bool held)
{
	const struct tm_session_opts opts = {
		.freeze = held ? TM_FREEZE_NEVER : TM_FREEZE_AUTO,
		.busy_timeout_ms = held ? 2000 : 0,
	};
	struct tm_session *session;
	struct tm_snapshot *snapshot = NULL;
	struct tm_err err;

	session = tm_session_open(run->pid, &opts, &err);
	if (session && held)
		session->process.held = run->pid;
	if (session)
		snapshot = tm_sample(session, &err);
	tm_session_close(session);
	if (snapshot)
		run->opts->snapshot(run->opts->ctx, snapshot, held);
	else
		note(run, err.object, err.cause);
	return snapshot != NULL;
}

static void take_last(struct run *run)
{
	if (!run->final_done)
		take_snapshot(run, true);
	run->final_done = true;
}

/* ---- breakpoints ----------------------------------------------------------------- */

static tm_addr entry_point(pid_t pid)
{
	TM_GUARD(tm_file_close) FILE *file = NULL;
	char path[64];
	Elf64_auxv_t pair;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	file = fopen(path, "re");
	while (file && fread(&pair, sizeof(pair), 1, file) == 1)
		if (pair.a_type == AT_ENTRY)
			return pair.a_un.a_val;
	return 0;
}

/* A new program: its loader runs first. */
static void watch_entry(struct run *run)
{
	tm_addr entry = entry_point(run->pid);

	run->executed = true;
	run->finalizing = 0;
	run->final_done = false;
	run->watch = entry && tm_break_execute(run->pid, entry) ? WATCH_ENTRY
								: WATCH_NOTHING;
	tm_log("run: exec, entry 0x%llx", (unsigned long long)entry);
}

static void watch_finalizing(struct run *run)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *mem = NULL;
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_err err;

	run->watch = WATCH_NOTHING;
	tm_break_clear(run->pid);
	mem = tm_mem_proc(run->pid, &err);
	if (!mem || !tm_maps_read(run->pid, &maps, &err) ||
	    !py_finalizing_find(mem, &maps, &run->finalizing))
		return;
	run->was_python = true;
	if (tm_break_write(run->pid, run->finalizing))
		run->watch = WATCH_FINALIZING;
	else
		note(run, "tmattach", "no hardware breakpoint is to be had: the "
		     "snapshot at the end will be taken only if the program is killed");
	tm_log("run: CPython, finalizing at 0x%llx",
	       (unsigned long long)run->finalizing);
}

static bool is_finalizing(const struct run *run)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *mem = NULL;
	struct tm_err err;
	uint64_t mark = 0;

	mem = tm_mem_proc(run->pid, &err);
	return mem && tm_mem_u64(mem, run->finalizing, &mark, &err) && mark;
}

static void at_breakpoint(struct run *run)
{
	if (run->watch == WATCH_ENTRY) {
		watch_finalizing(run);
	} else if (run->watch == WATCH_FINALIZING && is_finalizing(run)) {
		tm_break_clear(run->pid);
		run->watch = WATCH_NOTHING;
		take_last(run);
	}
}

/* ---- what the command does --------------------------------------------------------- */

static void go_on(const struct run *run, int sig)
{
	ptrace(PTRACE_CONT, run->pid, NULL, (long)sig);
}

/* Its last moment: memory is all there, unless it finalized before. */
static void at_exit(struct run *run)
{
	if (run->finalizing && !run->final_done && !is_finalizing(run))
		take_last(run);
	go_on(run, 0);
}

static void at_stop(struct run *run, int status)
{
	int sig = WSTOPSIG(status);

	switch (status >> 16) {
	case PTRACE_EVENT_EXEC:
		watch_entry(run);
		go_on(run, 0);
		return;
	case PTRACE_EVENT_EXIT:
		at_exit(run);
		return;
	case EVENT_STOP:
		if (sig == SIGTRAP) {
			go_on(run, 0);
			return;
		}
		ptrace(PTRACE_LISTEN, run->pid, NULL, NULL);
		return;
	default:
		break;
	}
	if (sig == SIGTRAP && run->watch != WATCH_NOTHING && tm_break_hit(run->pid)) {
		at_breakpoint(run);
		sig = 0;
	}
	go_on(run, sig);
}

static void collect(struct run *run)
{
	int status;

	while (!run->ended && waitpid(run->pid, &status, __WALL | WNOHANG) == run->pid) {
		run->ended = !WIFSTOPPED(status);
		if (run->ended)
			run->status = status;
		else
			at_stop(run, status);
	}
}

/* ---- SIGUSR1: a snapshot while it runs ----------------------------------------------- */

enum { OPTIONS = PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT };

/* Handle what comes until it stands in our interrupt stop. */
static bool interrupt(struct run *run)
{
	int status;

	if (ptrace(PTRACE_INTERRUPT, run->pid, NULL, NULL) != 0)
		return false;
	while (waitpid(run->pid, &status, __WALL) == run->pid) {
		run->ended = !WIFSTOPPED(status);
		if (run->ended) {
			run->status = status;
			return false;
		}
		if (status >> 16 == EVENT_STOP)
			return true;
		at_stop(run, status);
	}
	return false;
}

/*
 * Sampling attaches by itself, to all threads: let go first. What the command
 * does meanwhile is seen when we are back: another program, or the end.
 */
static void sample_running(struct run *run)
{
	if (!interrupt(run))
		return;
	tm_break_clear(run->pid);
	ptrace(PTRACE_DETACH, run->pid, NULL, NULL);
	take_snapshot(run, false);
	if (ptrace(PTRACE_SEIZE, run->pid, NULL, (long)OPTIONS) != 0 || !interrupt(run))
		return;
	watch_finalizing(run);
	if (run->finalizing && is_finalizing(run))
		take_last(run);
	go_on(run, 0);
}

/* ---- the loop ------------------------------------------------------------------------- */

/* A signal to us is for the command; what a terminal or the kernel sends goes
 * to the whole job anyway. */
static void pass_on(const struct run *run, const struct signalfd_siginfo *info)
{
	if (info->ssi_code <= 0)
		kill(run->pid, (int)info->ssi_signo);
}

static void handle_signal(struct run *run, const struct signalfd_siginfo *info)
{
	switch (info->ssi_signo) {
	case SIGCHLD:
		break;
	case SIGUSR1:
		sample_running(run);
		break;
	default:
		pass_on(run, info);
	}
}

static void watch_it(struct run *run, int signals)
{
	collect(run);
	while (!run->ended) {
		struct signalfd_siginfo info;

		if (read(signals, &info, sizeof(info)) == sizeof(info))
			handle_signal(run, &info);
		collect(run);
	}
}

/* ---- the beginning ---------------------------------------------------------------------- */

static bool set_environment(uint32_t nframe, struct tm_err *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", nframe);
	return setenv("PYTHONTRACEMALLOC", text, 1) == 0 ||
	       tm_err_os(err, errno, "tmattach", "cannot set PYTHONTRACEMALLOC");
}

bool tm_run_exec(char *const argv[], uint32_t nframe, struct tm_err *err)
{
	if (!set_environment(nframe, err))
		return false;
	execvp(argv[0], argv);
	return tm_err_os(err, errno, argv[0], "cannot be run");
}

/* In the child: begin when we are attached; tell why exec failed. */
static void be_command(char *const argv[], const sigset_t *mask, int begin, int failed)
{
	char byte;
	int why;

	sigprocmask(SIG_SETMASK, mask, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (read(begin, &byte, 1) == 1)
		execvp(argv[0], argv);
	why = errno;
	if (write(failed, &why, sizeof(why)) < 0)
		_exit(126);
	_exit(127);
}

/* Until the command's program has begun, or it has ended without. */
static void wait_exec(struct run *run)
{
	int status;

	while (!run->executed && !run->ended &&
	       waitpid(run->pid, &status, __WALL) == run->pid) {
		run->ended = !WIFSTOPPED(status);
		if (run->ended)
			run->status = status;
		else
			at_stop(run, status);
	}
}

static bool attach(struct run *run, const char *command, struct tm_err *err)
{
	int why;

	if (ptrace(PTRACE_SEIZE, run->pid, NULL, (long)OPTIONS) == 0) {
		run_guard_watch(&run->guard, run->pid);
		return true;
	}
	why = errno;
	kill(run->pid, SIGKILL);
	waitpid(run->pid, NULL, 0);
	return tm_err_os(err, why, command, "cannot attach to it");
}

static bool start(struct run *run, char *const argv[], const sigset_t *mask,
		  struct tm_err *err)
{
	int begin[2] = { -1, -1 }, failed[2] = { -1, -1 }, why = 0;
	TM_GUARD(tm_fd_close) int begin_out = -1;
	TM_GUARD(tm_fd_close) int failed_in = -1;

	if (!run_guard_start(&run->guard) || pipe2(begin, O_CLOEXEC) != 0 ||
	    pipe2(failed, O_CLOEXEC) != 0)
		return tm_err_os(err, errno, "tmattach", "cannot start the command");
	run->pid = fork();
	if (run->pid == 0) {
		/* Where Yama lets only ancestors attach. */
		prctl(PR_SET_PTRACER, run->guard.pid, 0, 0, 0);
		be_command(argv, mask, begin[0], failed[1]);
	}
	close(begin[0]);
	close(failed[1]);
	begin_out = begin[1];
	failed_in = failed[0];
	if (run->pid < 0)
		return tm_err_os(err, errno, "tmattach", "cannot fork");
	if (!attach(run, argv[0], err))
		return false;
	if (write(begin_out, "", 1) != 1)
		return tm_err_os(err, errno, "tmattach", "cannot start the command");
	wait_exec(run);
	if (read(failed_in, &why, sizeof(why)) == sizeof(why))
		return tm_err_os(err, why, argv[0], "cannot be run");
	return true;
}

static int shell_status(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void tell_missing(const struct run *run, const char *command)
{
	if (!run->was_python)
		note(run, command, "it was no CPython at any time: no snapshot");
}

bool tm_run_watched(char *const argv[], const struct tm_run_opts *opts,
		    int *ret_status, struct tm_err *err)
{
	TM_GUARD(tm_fd_close) int signals = -1;
	struct run run = { .opts = opts };
	sigset_t all, before;
	bool ok;

	if (!set_environment(opts->nframe, err))
		return false;
	sigfillset(&all);
	/* What stops the command's job stops us by itself. */
	sigdelset(&all, SIGTSTP);
	sigdelset(&all, SIGTTIN);
	sigdelset(&all, SIGTTOU);
	sigprocmask(SIG_SETMASK, &all, &before);
	signals = signalfd(-1, &all, SFD_CLOEXEC);
	ok = signals >= 0 ? start(&run, argv, &before, err)
			  : tm_err_os(err, errno, "tmattach", "no signalfd");
	if (ok) {
		watch_it(&run, signals);
		*ret_status = shell_status(run.status);
		tell_missing(&run, argv[0]);
	}
	run_guard_end(&run.guard);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ok;
}
