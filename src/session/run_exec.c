#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "session/run_program.h"

enum { EVENT_STOP = 128 }; /* linux/ptrace.h clashes with sys/ptrace.h */

bool run_set_environment(const struct tm_run_opts *opts, struct tm_err *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", opts->nframe);
	return opts->use_recorder || setenv("PYTHONTRACEMALLOC", text, 1) == 0 ||
	       tm_err_os(err, errno, "tmattach", "cannot set PYTHONTRACEMALLOC");
}

/* ---- the helper ----------------------------------------------------------------- */

/* Is there more to wait for? The command's main thread stands in a stop. */
static bool at_stop(struct run_program *program, int status)
{
	int sig = WSTOPSIG(status);

	if (status >> 16 == PTRACE_EVENT_EXEC) {
		run_program_begins(program);
		sig = 0;
		if (program->watch == WATCH_NOTHING)
			return false;
	} else if (status >> 16 == EVENT_STOP && sig != SIGTRAP) {
		ptrace(PTRACE_LISTEN, program->pid, NULL, NULL);
		return true;
	} else if (status >> 16) {
		sig = 0;
	} else if (run_program_trap(program, sig)) {
		sig = 0;
		if (program->watch == WATCH_NOTHING)
			return false;
	}
	run_program_go_on(program, sig);
	return true;
}

static void follow(struct run_program *program, const char *command)
{
	int status;

	while (waitpid(program->pid, &status, __WALL) == program->pid) {
		if (!WIFSTOPPED(status))
			return;
		if (!at_stop(program, status))
			break;
	}
	ptrace(PTRACE_DETACH, program->pid, NULL, NULL);
	if (!program->was_traced)
		run_note(program, command, program->why);
}

/* In a grandchild: attach to the command, let it exec, see to it that the
 * program is traced, and go. */
static void help(pid_t command, const char *name, const struct tm_run_opts *opts,
		 int ready)
{
	struct tm_run_opts quiet = *opts;
	struct run_program program = { .opts = &quiet, .pid = command };

	quiet.snapshot = NULL;
	setsid();
	prctl(PR_SET_NAME, "tmattach-run");
	if (ptrace(PTRACE_SEIZE, command, NULL, (long)RUN_OPTIONS) != 0) {
		run_note(&program, name, "cannot attach to it: it is traced only if "
			 "it is a CPython");
		_exit(1);
	}
	if (write(ready, "", 1) == 1)
		follow(&program, name);
	_exit(0);
}

/* It is no child of the command's, which knows of no such child. */
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
	 * so. Nobody else may from now on. */
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
	execvp(argv[0], argv);
	return tm_err_os(err, errno, argv[0], "cannot be run");
}
