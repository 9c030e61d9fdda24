#include "tmattach/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/guard.h"
#include "session/run_events.h"
#include "session/run_family.h"
#include "target/process.h"
#include "target/stop.h"

struct run {
	struct run_program program;
	struct run_family family; /* its children, if they are watched */
	pid_t pid;
	bool again;           /* attached again: what is it now? */
	bool stopped;         /* by job control; we listen */
	bool continued_first; /* SIGCONT has come to us, not yet to it */
	bool unwatched;       /* it ended while we were not attached */
	bool ended;
	int status;           /* of wait() */
};

/* ---- what the command does --------------------------------------------------------- */

static void go_on(const struct run *run, int sig)
{
	run_program_go_on(&run->program, sig);
}

static bool interrupt(struct run *run, int *ret_sig);
static void stop_with_it(struct run *run);

static bool from_terminal(uint32_t sig)
{
	return sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

/* In our interrupt stop, or a job-control stop (`sig`: which). */
static void at_event_stop(struct run *run, int sig)
{
	if (from_terminal((uint32_t)sig) && !run->continued_first) {
		stop_with_it(run);
		return;
	}
	run->stopped = sig != SIGTRAP;
	if (run->stopped) {
		ptrace(PTRACE_LISTEN, run->pid, NULL, NULL);
		return;
	}
	if (run->again)
		run_program_again(&run->program);
	run->again = false;
	go_on(run, 0);
}

static void let_go(const struct run *run)
{
	ptrace(PTRACE_DETACH, run->pid, NULL, NULL);
}

/* What the command did meanwhile is seen when it runs: another program, or
 * the end. */
static void attach_again(struct run *run)
{
	int sig;

	if (ptrace(PTRACE_SEIZE, run->pid, NULL, (long)run_program_options(&run->program)) != 0 ||
	    !interrupt(run, &sig)) {
		run->unwatched = true;
		run_program_away(&run->program, false);
		return;
	}
	run->again = true;
	at_event_stop(run, sig);
}

/*
 * Its terminal has stopped the command, which has tidied up by now: our shell
 * expects us to stop. The command may be continued before us: it does not
 * need us for that. When the shell continues us before the command, we
 * find it in this same stop: not to be followed again.
 */
static void stop_with_it(struct run *run)
{
	let_go(run);
	raise(SIGSTOP);
	run->continued_first = true;
	attach_again(run);
}

static void at_stop(struct run *run, int status)
{
	int sig = WSTOPSIG(status);

	if (status >> 16 != TM_EVENT_STOP || sig == SIGTRAP)
		run->continued_first = false;
	switch (status >> 16) {
	case PTRACE_EVENT_EXEC:
		run_program_begins(&run->program);
		go_on(run, 0);
		return;
	case PTRACE_EVENT_EXIT:
		run_program_ends(&run->program);
		go_on(run, 0);
		return;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
		run_family_add(&run->family, &run->program, status >> 16 == PTRACE_EVENT_FORK);
		go_on(run, 0);
		return;
	case TM_EVENT_STOP:
		at_event_stop(run, sig);
		return;
	default:
		break;
	}
	if (run_program_trap(&run->program, sig))
		sig = 0;
	go_on(run, sig);
}

static void collect(struct run *run)
{
	int status;

	while (!run->ended) {
		pid_t got = waitpid(run->pid, &status, __WALL | WNOHANG);

		if (got == 0 || (got < 0 && errno == EINTR))
			return;
		/* It ended while it was to execute something for us: only
		 * SIGKILL does that. */
		run->ended = got < 0 || !WIFSTOPPED(status);
		if (run->ended)
			run->status = got < 0 ? SIGKILL : status;
		else
			at_stop(run, status);
	}
}

/* ---- SIGUSR1: a snapshot while it runs ----------------------------------------------- */

/* Handle what comes until it is in our interrupt stop, or in one of job
 * control (*ret_sig). */
static bool interrupt(struct run *run, int *ret_sig)
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
		*ret_sig = WSTOPSIG(status);
		if (status >> 16 == TM_EVENT_STOP)
			return true;
		at_stop(run, status);
		/* What was done there may have taken our stop. */
		if (ptrace(PTRACE_INTERRUPT, run->pid, NULL, NULL) != 0 && errno != ESRCH)
			return false;
	}
	return false;
}

/* Sampling attaches by itself, to all threads: let go first. */
static void sample_running(struct run *run)
{
	int sig;

	if (!interrupt(run, &sig))
		return;
	run_program_away(&run->program, true);
	let_go(run);
	run_program_sample(&run->program);
	attach_again(run);
}

/* ---- the loop ------------------------------------------------------------------------- */

/* A signal to us is for the command; what a terminal, the kernel or the
 * command itself sends goes to the whole job anyway. */
static void pass_on(const struct run *run, const struct signalfd_siginfo *info)
{
	if (info->ssi_code <= 0 && info->ssi_pid != (uint32_t)run->pid && !run->ended)
		kill(run->pid, (int)info->ssi_signo);
}

/* Our SIGCONT has removed all older ones: the command, if it was stopped, has
 * been continued as well and has stopped again. */
static void terminal_stops_us(struct run *run)
{
	int sig;

	run->continued_first = false;
	if (!run->stopped || !interrupt(run, &sig))
		return;
	if (sig == SIGTRAP)
		at_event_stop(run, sig);
	else
		stop_with_it(run);
}

static void handle_signal(struct run *run, const struct signalfd_siginfo *info)
{
	switch (info->ssi_signo) {
	case SIGCHLD:
		break;
	case SIGUSR1:
		if (!run->ended)
			sample_running(run);
		run_family_sample(&run->family);
		break;
	default:
		pass_on(run, info);
	}
	if (from_terminal(info->ssi_signo))
		terminal_stops_us(run);
}

/* When the command has ended and others have not, wait for them, as strace does;
 * a signal ends that. */
static bool is_enough(const struct run *run, const struct signalfd_siginfo *info)
{
	return run->ended && (info->ssi_signo == SIGINT || info->ssi_signo == SIGTERM ||
			      info->ssi_signo == SIGHUP || info->ssi_signo == SIGQUIT);
}

static void watch_it(struct run *run, int signals)
{
	struct signalfd_siginfo info = { 0 };

	collect(run);
	run_family_collect(&run->family);
	while ((!run->ended || run->family.n > 0) && !is_enough(run, &info)) {
		if (read(signals, &info, sizeof(info)) == sizeof(info))
			handle_signal(run, &info);
		collect(run);
		run_family_collect(&run->family);
	}
	run_family_free(&run->family);
}

/* ---- the beginning ---------------------------------------------------------------------- */

/* In the child: begin when we are attached; report why exec failed. */
static void be_command(const struct run *run, char *const argv[], const sigset_t *mask,
		       int begin, int failed)
{
	const struct tm_run_opts *opts = run->program.opts;
	char byte;
	int why;

	sigprocmask(SIG_SETMASK, mask, NULL);
	if (opts->before_exec)
		opts->before_exec(opts->ctx);
	if (read(begin, &byte, 1) == 1)
		execvp(argv[0], argv);
	why = errno;
	if (write(failed, &why, sizeof(why)) < 0)
		_exit(126);
	_exit(127);
}

/* Until the command's program has begun, or the command has ended before that. */
static void wait_exec(struct run *run)
{
	int status;

	while (!run->program.executed && !run->ended &&
	       waitpid(run->pid, &status, __WALL) == run->pid) {
		run->ended = !WIFSTOPPED(status);
		if (run->ended)
			run->status = status;
		else
			at_stop(run, status);
	}
}

/* It is still before its exec; `command` says more than its pid. */
static bool attach_failed(const struct run *run, int why, const char *command,
			  struct tm_err *err)
{
	struct tm_process process;

	if (tm_process_open(run->pid, &process, err))
		tm_process_explain(&process, why, "cannot attach to it", err);
	tm_err_about(err, "%s", command);
	kill(run->pid, SIGKILL);
	waitpid(run->pid, NULL, 0);
	return false;
}

static bool attach(struct run *run, const char *command, struct tm_err *err)
{
	if (ptrace(PTRACE_SEIZE, run->pid, NULL, (long)run_program_options(&run->program)) == 0) {
		run->program.pid = run->pid;
		return true;
	}
	return attach_failed(run, errno, command, err);
}

static bool start(struct run *run, char *const argv[], const sigset_t *mask,
		  struct tm_err *err)
{
	int begin[2] = { -1, -1 }, failed[2] = { -1, -1 }, why = 0;
	TM_GUARD(tm_fd_close) int begin_out = -1;
	TM_GUARD(tm_fd_close) int failed_in = -1;

	if (pipe2(begin, O_CLOEXEC) != 0 || pipe2(failed, O_CLOEXEC) != 0)
		return tm_err_os(err, errno, "tmattach", "cannot start the command");
	run->pid = fork();
	if (run->pid == 0) {
		/* It has to notice if we are killed. */
		close(begin[1]);
		be_command(run, argv, mask, begin[0], failed[1]);
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

static const char *what_is_missing(const struct run *run)
{
	const struct run_program *program = &run->program;

	if (run->family.any_final)
		return NULL;
	if (!program->was_traced)
		return program->why[0] ? program->why : "it was not a program";
	if (run->unwatched && program->opts->snapshot && !program->final_done)
		return "it had ended before tmattach was continued";
	return NULL;
}

static void tell_missing(const struct run *run)
{
	const char *why = what_is_missing(run);
	char line[600];

	if (!why)
		return;
	snprintf(line, sizeof(line), "%s: %s", run->program.was_traced
		 ? "no snapshot of its end" : "it was never traced", why);
	run_note(&run->program, run->program.name, line);
}

bool tm_run_watched(char *const argv[], const struct tm_run_opts *opts,
		    int *ret_status, struct tm_err *err)
{
	TM_GUARD(tm_fd_close) int signals = -1;
	struct run run = { .program = { .opts = opts, .name = argv[0] } };
	sigset_t all, before;
	bool ok;

	if (!run_set_environment(opts, err))
		return false;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	signals = signalfd(-1, &all, SFD_CLOEXEC);
	ok = signals >= 0 ? start(&run, argv, &before, err)
			  : tm_err_os(err, errno, "tmattach", "no signalfd");
	if (ok) {
		watch_it(&run, signals);
		*ret_status = shell_status(run.status);
		tell_missing(&run);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return ok;
}
