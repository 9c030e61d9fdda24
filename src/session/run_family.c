#include "session/run_family.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "session/run_events.h"
#include "target/stop.h"

static void forget(struct run_family *family, const struct run_program *program)
{
	size_t kept = 0;

	for (size_t i = 0; i < family->n; i++)
		if (family->members[i] != program)
			family->members[kept++] = family->members[i];
	family->n = kept;
}

/* It is gone, or no longer ours. */
static void drop(struct run_family *family, struct run_program *program)
{
	family->any_final |= program->saved;
	forget(family, program);
	free(program);
}

void run_family_add(struct run_family *family, const struct run_program *parent, bool copied)
{
	struct run_program *program;
	unsigned long child = 0;
	int status;

	if (ptrace(PTRACE_GETEVENTMSG, parent->pid, NULL, &child) != 0 ||
	    waitpid((pid_t)child, &status, __WALL) != (pid_t)child || !WIFSTOPPED(status))
		return;
	program = tm_malloc(sizeof(*program));
	*program = *parent;
	run_program_forked(program, (pid_t)child, copied);
	family->members = tm_grow(family->members, &family->cap, family->n + 1,
				  sizeof(struct run_program *));
	family->members[family->n++] = program;
	run_program_go_on(program, 0);
}

static void at_stop(struct run_family *family, struct run_program *program, int status)
{
	int sig = WSTOPSIG(status);

	switch (status >> 16) {
	case PTRACE_EVENT_EXEC:
		run_program_begins(program);
		sig = 0;
		break;
	case PTRACE_EVENT_EXIT:
		run_program_ends(program);
		sig = 0;
		break;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
		run_family_add(family, program, status >> 16 == PTRACE_EVENT_FORK);
		sig = 0;
		break;
	case TM_EVENT_STOP:
		if (sig != SIGTRAP) {
			ptrace(PTRACE_LISTEN, program->pid, NULL, NULL);
			return;
		}
		sig = 0;
		break;
	default:
		if (run_program_trap(program, sig))
			sig = 0;
	}
	run_program_go_on(program, sig);
}

/* False: it is gone. */
static bool collect(struct run_family *family, struct run_program *program)
{
	int status;

	for (;;) {
		pid_t got = waitpid(program->pid, &status, __WALL | WNOHANG);

		if (got == 0 || (got < 0 && errno == EINTR))
			return true;
		if (got < 0 || !WIFSTOPPED(status)) {
			drop(family, program);
			return false;
		}
		at_stop(family, program, status);
	}
}

void run_family_collect(struct run_family *family)
{
	for (size_t i = 0; i < family->n;)
		if (collect(family, family->members[i]))
			i++;
}

/* ---- SIGUSR1 -------------------------------------------------------------------------- */

/* Until it is in a stop of ours; false: it is gone. */
static bool interrupt(struct run_family *family, struct run_program *program)
{
	int status;

	while (ptrace(PTRACE_INTERRUPT, program->pid, NULL, NULL) == 0 || errno == ESRCH) {
		if (waitpid(program->pid, &status, __WALL) != program->pid || !WIFSTOPPED(status))
			break;
		if (status >> 16 == TM_EVENT_STOP)
			return true;
		at_stop(family, program, status);
	}
	drop(family, program);
	return false;
}

/* Sampling attaches by itself, to all threads: let go first. */
static void sample(struct run_family *family, struct run_program *program)
{
	pid_t pid = program->pid;

	if (!program->python || !interrupt(family, program))
		return;
	run_program_away(program, true);
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
	run_program_sample(program);
	if (ptrace(PTRACE_SEIZE, pid, NULL, (long)run_program_options(program)) != 0) {
		run_program_away(program, false);
		drop(family, program);
	} else if (interrupt(family, program)) {
		run_program_again(program);
		run_program_go_on(program, 0);
	}
}

void run_family_sample(struct run_family *family)
{
	for (size_t i = family->n; i-- > 0;)
		if (i < family->n)
			sample(family, family->members[i]);
}

void run_family_free(struct run_family *family)
{
	while (family->n) {
		ptrace(PTRACE_DETACH, family->members[0]->pid, NULL, NULL);
		drop(family, family->members[0]);
	}
	free(family->members);
}
