#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "session/run_events.h"
#include "target/stop.h"

bool run_set_environment(const struct tm_run_opts *opts, struct tm_err *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", opts->nframe);
	return opts->use_recorder || run_puts_recorder(opts) || setenv("PYTHONTRACEMALLOC", text, 1) == 0 ||
	       tm_err_os(err, errno, "tmattach", "cannot set PYTHONTRACEMALLOC");
}

/* ---- the helper ----------------------------------------------------------------- */

/*
 * The command, and what it starts: a one-file frozen application has a
 * launcher, which runs it in a child.
 */
struct family {
	struct run_program members[16];
	size_t n;
	pid_t early;     /* a child that stopped before its fork was reported to us */
};

enum { MEMBERS = sizeof(((struct family *)0)->members) / sizeof(struct run_program) };

static struct run_program *member(struct family *family, pid_t pid)
{
	for (size_t i = 0; i < family->n; i++)
		if (family->members[i].pid == pid)
			return &family->members[i];
	return NULL;
}

static void forget(struct family *family, struct run_program *program)
{
	*program = family->members[--family->n];
}

/* The children of a launcher are followed, those of others are not. */
static void go_on(const struct run_program *program, int sig)
{
	if (program->libc.made[RUN_LOAD])
		ptrace(PTRACE_SETOPTIONS, program->pid, NULL,
		       (long)RUN_OPTIONS | RUN_CHILDREN);
	run_program_go_on(program, sig);
}

/* It is in its first stop, or will be. `copied`: so is the memory of its
 * parent, which a child of vfork() uses itself until it calls exec. */
static void add_child(struct family *family, const struct run_program *parent, bool copied)
{
	unsigned long child = 0;
	int status;

	if (ptrace(PTRACE_GETEVENTMSG, parent->pid, NULL, &child) != 0 ||
	    (family->early != (pid_t)child &&
	     waitpid((pid_t)child, &status, __WALL) != (pid_t)child))
		return;
	family->early = 0;
	if (family->n == MEMBERS) {
		ptrace(PTRACE_DETACH, (pid_t)child, NULL, NULL);
		return;
	}
	family->members[family->n] = *parent;
	run_program_forked(&family->members[family->n], (pid_t)child, copied);
	go_on(&family->members[family->n++], 0);
}

/* The signal to go on with from a stop; -1: it is not to go on. */
static int at_stop(struct family *family, struct run_program *program, int status)
{
	int sig = WSTOPSIG(status);

	switch (status >> 16) {
	case 0:
		return run_program_trap(program, sig) ? 0 : sig;
	case PTRACE_EVENT_EXEC:
		run_program_begins(program);
		return 0;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
		add_child(family, program, status >> 16 == PTRACE_EVENT_FORK);
		return 0;
	case TM_EVENT_STOP:
		if (sig == SIGTRAP)
			return 0;
		ptrace(PTRACE_LISTEN, program->pid, NULL, NULL);
		return -1;
	default:
		return 0;
	}
}

/* False: nothing is left to be done. This is true of the members, too: once
 * one has its interpreter, the others were there only to start it. */
static bool follow(struct family *family, pid_t pid, int status)
{
	struct run_program *program = member(family, pid);
	int sig;

	if (!program) {
		family->early = pid;
		return true;
	}
	if (!WIFSTOPPED(status)) {
		forget(family, program);
		return family->n > 0;
	}
	sig = at_stop(family, program, status);
	if (sig < 0)
		return true;
	if (program->executed && !run_program_waits(program)) {
		if (!program->was_traced)
			run_note(program, program->name, program->why);
		ptrace(PTRACE_DETACH, program->pid, NULL, (long)sig);
		if (program->python)
			return false;
		forget(family, program);
		return family->n > 0;
	}
	go_on(program, sig);
	return true;
}

/* In a grandchild: attach to the command, let it exec, see to it that the
 * program is traced, and go. */
static void help(pid_t command, const char *name, const struct tm_run_opts *opts,
		 int ready)
{
	struct tm_run_opts quiet = *opts;
	struct family family = { .n = 1 };
	struct run_program *program = &family.members[0];
	pid_t pid;
	int status;

	*program = (struct run_program){ .opts = &quiet, .name = name, .pid = command };
	quiet.snapshot = NULL;
	setsid();
	prctl(PR_SET_NAME, "tmattach-run");
	if (ptrace(PTRACE_SEIZE, command, NULL, (long)RUN_OPTIONS) != 0) {
		run_note(program, name, "cannot attach to it: it is traced only if "
			 "it is a CPython");
		_exit(1);
	}
	if (write(ready, "", 1) == 1)
		while ((pid = waitpid(-1, &status, __WALL)) > 0 && follow(&family, pid, status))
			;
	_exit(0);
}

/* It is not a child of the command, which knows nothing of it. */
static void start_helper(const char *name, const struct tm_run_opts *opts)
{
	pid_t command = getpid(), child;
	int ready[2];
	char byte;

	if (pipe2(ready, O_CLOEXEC) != 0)
		return;
	/* Where Yama lets only ancestors attach. */
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	child = fork();
	if (child == 0) {
		close(ready[0]);
		if (fork() == 0)
			help(command, name, opts, ready[1]);
		_exit(0);
	}
	close(ready[1]);
	if (child > 0)
		waitpid(child, NULL, 0);
	/* The end of the pipe without a byte: it could not attach, and has said
	 * so. From now on no one else may. */
	if (read(ready[0], &byte, 1) < 0)
		tm_log("run: the helper: %s", strerror(errno));
	prctl(PR_SET_PTRACER, 0, 0, 0, 0);
	close(ready[0]);
}

bool tm_run_exec(char *const argv[], const struct tm_run_opts *opts,
		 struct tm_err *err)
{
	if (!run_set_environment(opts, err))
		return false;
	start_helper(argv[0], opts);
	if (opts->before_exec)
		opts->before_exec(opts->ctx);
	execvp(argv[0], argv);
	return tm_err_os(err, errno, argv[0], "cannot be run");
}
