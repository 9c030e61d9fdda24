#include "session/run_events.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "base/log.h"
#include "session/run_kind.h"
#include "target/restart.h"
#include "target/stop.h"

/* ---- stops ------------------------------------------------------------------------- */

/*
 * From whatever stop to one that is just a stop: in that before a signal, if we
 * are killed, the signal is delivered. False if it is ending; what wait() says of
 * that is left for the caller.
 */
static bool just_stopped(pid_t pid)
{
	siginfo_t info = { 0 };

	if (ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) != 0 ||
	    ptrace(PTRACE_CONT, pid, NULL, NULL) != 0)
		return false;
	while (waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WNOWAIT | __WALL) != 0)
		if (errno != EINTR)
			return false;
	if (info.si_code != CLD_TRAPPED && info.si_code != CLD_STOPPED)
		return false;
	return waitid(P_PID, (id_t)pid, &info, WSTOPPED | __WALL) == 0;
}

static void take_last(struct run_program *program)
{
	if (!program->final_done)
		run_program_snapshot(program, true);
	program->final_done = true;
}

static void at_up(struct run_program *program, enum run_up up)
{
	if (up == RUN_STARTED)
		run_note(program, program->name, "it ignores PYTHONTRACEMALLOC, as -I, -E and "
			 "frozen applications do: tracing was started when its interpreter was up, "
			 "and what was allocated before is not seen");
	else if (up == RUN_UP)
		run_program_python_up(program);
	else if (up == RUN_FAILED)
		run_note(program, program->name, "it ignores PYTHONTRACEMALLOC, and tracing "
			 "could not be started when its interpreter was up");
}

/* At the first of the places where it is noticed. */
static void trace_once(struct run_program *program)
{
	if (!program->begun)
		run_program_trace(program);
	program->begun = true;
}

/* The door stays: the loader knows already that it is to go there. */
static void at_loader(struct run_program *program)
{
	run_loader_leave(program->pid, &program->loader);
	trace_once(program);
}

static void at_door(struct run_program *program)
{
	if (program->loader.function)
		run_loader_drop(program->pid, &program->loader);
	run_door_pass(program->pid, &program->door);
	trace_once(program);
}

/* A stop at a system call: is it one of those that are made for us? */
static void at_call(struct run_program *program)
{
	if (run_loader_speaks(program->pid, &program->loader)) {
		if (run_loader_is_done(program->pid, &program->loader) &&
		    just_stopped(program->pid))
			at_loader(program);
	} else if (program->door.at && run_door_reached(program->pid, &program->door) &&
		   just_stopped(program->pid)) {
		at_door(program);
	}
}

/* The message that comes with a stop for SIGURG. */
static enum run_word word_of(const struct run_program *program)
{
	enum run_word word = (enum run_word)run_hold_read(program->pid, &program->hold).says;

	return word ? word : (enum run_word)run_hold_read(program->pid, &program->libc).says;
}

static void hear(struct run_program *program, enum run_word word)
{
	switch (word) {
	case RUN_SAYS_LOADED:
		run_program_loaded(program);
		break;
	case RUN_SAYS_UP:
		at_up(program, (enum run_up)run_hold_read(program->pid, &program->hold).up);
		break;
	case RUN_SAYS_FINALIZING:
		take_last(program);
		break;
	case RUN_SAYS_NOTHING:
		break;
	}
	run_hold_heard(&program->process, word == RUN_SAYS_LOADED ? &program->libc : &program->hold);
}

bool run_program_trap(struct run_program *program, int sig)
{
	enum run_word word = sig == SIGURG ? word_of(program) : RUN_SAYS_NOTHING;

	if (word) {
		if (just_stopped(program->pid)) {
			/* Another thread has stopped it in whatever it was doing. */
			tm_restart_call(program->pid, program->pid);
			hear(program, word);
		}
		return true;
	}
	if (sig == TM_SYSCALL_STOP)
		at_call(program);
	return sig == TM_SYSCALL_STOP;
}

bool run_program_waits(const struct run_program *program)
{
	if (program->door.at)
		return true;
	if (program->python)
		return program->hold.made[RUN_FRAME] &&
		       run_hold_read(program->pid, &program->hold).up == RUN_NOT_UP;
	return program->libc.made[RUN_LOAD] || run_is_launcher(program->pid);
}

void run_program_go_on(const struct run_program *program, int sig)
{
	ptrace(program->door.at ? PTRACE_SYSCALL : PTRACE_CONT, program->pid, NULL, (long)sig);
}

/* ---- it begins, and ends ---------------------------------------------------------- */

static void begin(struct run_program *program)
{
	struct tm_err err;

	program->loader = (struct run_loader){ 0 };
	program->door = (struct run_door){ 0 };
	program->begun = program->python = program->recorded = program->python_recorded = program->final_done = program->borrows = false;
	program->hold = program->libc = (struct run_hold){ 0 };
	if (!tm_process_open(program->pid, &program->process, &err))
		tm_log("run: %s: %s", err.object, err.cause);
	program->process.held = program->pid;
}

void run_program_begins(struct run_program *program)
{
	const char *why;

	program->executed = true;
	begin(program);
	if (run_lacks_rights(program->pid))
		run_note(program, program->name, "is set-user-ID, which has no effect on a "
			 "program that is traced: it runs with your rights");
	if (!run_door_open(program->pid, &program->door, &why)) {
		snprintf(program->why, sizeof(program->why), "%s", why);
		program->door.at = 0;
	} else if (program->door.at) {
		run_loader_watch(program->pid, &program->loader);
	} else if (just_stopped(program->pid)) {
		trace_once(program);
	}
	tm_log("run: exec, entry 0x%llx, door 0x%llx",
	       (unsigned long long)program->door.entry, (unsigned long long)program->door.at);
}

void run_program_forked(struct run_program *program, pid_t child, bool copied)
{
	struct tm_err err;

	program->pid = child;
	if (!tm_process_open(child, &program->process, &err))
		tm_log("run: %s: %s", err.object, err.cause);
	program->process.held = child;
	program->final_done = program->saved = false;
	program->borrows = !copied;
	if (!copied)
		program->libc = program->hold = (struct run_hold){ 0 };
	if (program->libc.place)
		run_hold_adopt(&program->process, &program->libc);
	if (program->hold.place)
		run_hold_adopt(&program->process, &program->hold);
	/* The recorder's table stays with the parent. */
	if (program->python_recorded) {
		program->recorded = program->python_recorded = false;
		if (copied && just_stopped(child))
			run_program_python_up(program);
	}
}

/* Memory is all there, unless an interpreter finalized before. */
void run_program_ends(struct run_program *program)
{
	const struct run_place place = run_hold_read(program->pid, &program->hold);

	if (program->final_done || program->borrows || !(program->python || program->recorded))
		return;
	if (!program->python && run_names_python(program->pid))
		run_note(program, program->name, "it has loaded no Python itself: if it is the launcher "
			 "of a frozen application, that runs in a child, which run -o --children follows");
	if (!place.finalizing && !place.mute) {
		take_last(program);
		return;
	}
	program->final_done = true;
	run_note(program, program->name, place.mute
		 ? "no snapshot of its end: it has installed a seccomp filter, under which tmattach executes nothing in it"
		 : "no snapshot of its end: its interpreter had ended while tmattach was away or could not be told");
}

void run_program_again(struct run_program *program)
{
	if (!tm_process_replaced(&program->process)) {
		run_program_away(program, false);
		return;
	}
	begin(program);
	run_program_trace_late(program);
}

/* ---- between stops ----------------------------------------------------------------- */

void run_program_sample(struct run_program *program)
{
	if (!program->final_done)
		run_program_snapshot(program, false);
}

void run_program_away(struct run_program *program, bool away)
{
	run_hold_away(&program->process, &program->hold, away);
}
