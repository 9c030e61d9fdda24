#include "session/run_program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "base/guard.h"
#include "base/log.h"
#include "session/attach.h"
#include "session/backend.h"
#include "target/arch.h"
#include "target/maps.h"

void run_note(const struct run_program *program, const char *object, const char *text)
{
	char line[1024];

	snprintf(line, sizeof(line), "%s: %s", object, text);
	program->opts->note(program->opts->ctx, line);
}

enum {
	SYSCALL_STOP = SIGTRAP | 0x80,
	/* What only links to Python may run for long before it begins, or never
	 * do. Interpreters take some hundred. */
	BEGINNING_LIMIT = 10000,
};

/* ---- snapshots ---------------------------------------------------------------- */

/* `held`: its main thread stands in a stop of ours. */
static struct tm_session *open_session(const struct run_program *program, bool held,
				       struct tm_err *err)
{
	const struct tm_session_opts opts = {
		.freeze = held ? TM_FREEZE_NEVER : TM_FREEZE_AUTO,
		.busy_timeout_ms = held ? 2000 : 0,
		.use_recorder = program->opts->use_recorder,
		.native_too = true,
		.sample_bytes = program->opts->sample_bytes,
		.in_core = program->opts->in_core,
	};

	return tm_session_open_held(program->pid, held ? program->pid : 0, &opts, err);
}

/*
 * Held, it is the last moment: no copy is made, and a lock whose owner has
 * ended is not waited for as long.
 */
static void take_snapshot(struct run_program *program, bool held)
{
	struct tm_snapshot *snapshot = NULL;
	struct tm_session *session;
	struct tm_err err;

	session = open_session(program, held, &err);
	if (session)
		snapshot = session->backend->sample(session, &err);
	tm_session_close(session);
	if (snapshot)
		program->opts->snapshot(program->opts->ctx, snapshot, held);
	else
		run_note(program, err.object, err.cause);
}

void run_program_sample(struct run_program *program)
{
	take_snapshot(program, false);
}

static void take_last(struct run_program *program)
{
	if (!program->final_done)
		take_snapshot(program, true);
	program->final_done = true;
}

/* ---- the program is there -------------------------------------------------------- */

static bool find_finalizing(struct run_program *program)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *mem = NULL;
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	struct tm_err err;

	mem = tm_mem_proc(program->pid, &err);
	return mem && tm_maps_read(program->pid, &maps, &err) &&
	       py_finalizing_find(mem, &maps, &program->finalizing);
}

static bool is_set(const struct run_program *program, tm_addr field)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *mem = NULL;
	struct tm_err err;
	uint64_t value = 0;

	mem = tm_mem_proc(program->pid, &err);
	return mem && tm_mem_u64(mem, field, &value, &err) && value;
}

static bool is_finalizing(const struct run_program *program)
{
	return is_set(program, program->finalizing.mark);
}

static void watch_finalizing(struct run_program *program)
{
	bool set = tm_break_write(program->pid, program->finalizing.mark);

	program->watch = set ? WATCH_FINALIZING : WATCH_NOTHING;
	if (!set)
		run_note(program, "-o", "no hardware breakpoint is to be had: the "
			 "snapshot at the end will be taken only if the program is killed");
	tm_log("run: CPython, finalizing at 0x%llx after %u system calls",
	       (unsigned long long)program->finalizing.mark, program->syscalls / 2);
}

/*
 * A breakpoint that is hit is a SIGTRAP, which ends the command if we are
 * killed just then. The runtime writes to the mark when it sets itself up; so
 * the breakpoint waits until it has. Nothing is lost with us at a system call.
 */
static void watch_beginning(struct run_program *program)
{
	const struct py_finalizing *at = &program->finalizing;

	if (!at->begun || is_set(program, at->begun) ||
	    program->syscalls++ > BEGINNING_LIMIT)
		watch_finalizing(program);
	else
		program->watch = WATCH_BEGINNING;
}

/* Why it cannot be done is told in the end, if it matters then. */
static void record(struct run_program *program)
{
	struct tm_session *session;
	struct tm_control control;
	struct tm_err err;

	session = open_session(program, true, &err);
	program->recorded = session &&
		session->backend->start(session, program->opts->nframe, 0, &control, &err);
	tm_session_close(session);
	if (!program->recorded)
		snprintf(program->why, sizeof(program->why), "%s", err.cause);
	ptrace(PTRACE_SETOPTIONS, program->pid, NULL, (long)RUN_OPTIONS);
}

static void traces_itself(struct run_program *program)
{
	program->was_traced = true;
	if (program->opts->sample_bytes || program->opts->in_core)
		run_note(program, "--sample and --in-core", "are the recorder's, and this is "
			 "a CPython, which traces by itself; --recorder brings the recorder in");
}

/* It is loaded: what is it? */
static void trace(struct run_program *program)
{
	program->watch = WATCH_NOTHING;
	tm_break_clear(program->pid);
	if (find_finalizing(program) && program->opts->snapshot)
		watch_beginning(program);
	if (!program->finalizing.mark || program->opts->use_recorder)
		record(program);
	else
		traces_itself(program);
	program->was_traced |= program->recorded;
}

/* ---- the end ---------------------------------------------------------------------- */

/*
 * From whatever stop to one that is just a stop: in that before a signal, if
 * we are killed, the SIGTRAP is delivered and ends the command. False if it
 * is ending; what wait() says of that is left for the caller.
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

static void at_finalizing(struct run_program *program)
{
	if (!is_finalizing(program))
		return;
	tm_break_clear(program->pid);
	program->watch = WATCH_NOTHING;
	take_last(program);
}

static void at_door(struct run_program *program)
{
	run_door_pass(program->pid, &program->door);
	trace(program);
}

bool run_program_trap(struct run_program *program, int sig)
{
	pid_t pid = program->pid;

	if (program->watch == WATCH_DOOR && sig == SYSCALL_STOP &&
	    run_door_reached(pid, &program->door)) {
		if (just_stopped(pid))
			at_door(program);
		return true;
	}
	if (program->watch == WATCH_BEGINNING && sig == SYSCALL_STOP) {
		watch_beginning(program);
		return true;
	}
	if (program->watch == WATCH_FINALIZING && sig == SIGTRAP && tm_break_hit(pid)) {
		if (just_stopped(pid))
			at_finalizing(program);
		return true;
	}
	return sig == SYSCALL_STOP;
}

void run_program_go_on(const struct run_program *program, int sig)
{
	bool by_syscall = program->watch == WATCH_DOOR || program->watch == WATCH_BEGINNING;

	ptrace(by_syscall ? PTRACE_SYSCALL : PTRACE_CONT, program->pid, NULL, (long)sig);
}

/* ---- it begins, and ends ---------------------------------------------------------- */

void run_program_begins(struct run_program *program)
{
	const char *why;

	program->executed = true;
	program->finalizing = (struct py_finalizing){ 0 };
	program->syscalls = 0;
	program->recorded = false;
	program->final_done = false;
	program->watch = WATCH_NOTHING;
	if (!run_door_open(program->pid, &program->door, &why))
		snprintf(program->why, sizeof(program->why), "%s", why);
	else if (program->door.at)
		program->watch = WATCH_DOOR;
	else if (just_stopped(program->pid))
		trace(program);
	tm_log("run: exec, entry 0x%llx, door 0x%llx",
	       (unsigned long long)program->door.entry, (unsigned long long)program->door.at);
}

/* Memory is all there, unless an interpreter finalized before. */
void run_program_ends(struct run_program *program)
{
	if (program->finalizing.mark ? !is_finalizing(program) : program->recorded)
		take_last(program);
}

void run_program_again(struct run_program *program)
{
	program->finalizing = (struct py_finalizing){ 0 };
	trace(program);
	if (program->finalizing.mark && is_finalizing(program))
		take_last(program);
}
