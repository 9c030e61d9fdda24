#include "session/run_program.h"

#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>

#include "base/log.h"
#include "session/run_kind.h"
#include "session/subject.h"
#include "tmattach/process.h"

void run_note(const struct run_program *program, const char *object, const char *text)
{
	char line[1280];

	snprintf(line, sizeof(line), "%s: %s", object, text);
	program->opts->note(program->opts->ctx, line);
}

/* ---- snapshots ---------------------------------------------------------------- */

/* Do snapshots come from malloc's recorder? A native program may have loaded a Python
 * that it never uses. */
static bool by_recorder(const struct run_program *program)
{
	return !program->python || program->opts->use_recorder ||
	       (program->recorded && !program->python_recorded &&
		run_hold_read(program->pid, &program->hold).up == RUN_NOT_UP);
}

/* `held`: its main thread is in a stop of ours. */
static struct tm_session *open_session(const struct run_program *program, bool held,
				       struct tm_err *err)
{
	const bool native = by_recorder(program);
	const bool puts = !native && run_puts_recorder(program->opts);
	const struct tm_session_opts opts = {
		.freeze = held ? TM_FREEZE_NEVER : TM_FREEZE_AUTO,
		.busy_timeout_ms = held ? 2000 : 0,
		/* A Python that cannot be read gets it only if it is asked for. */
		.use_recorder = program->opts->use_recorder ||
				(native && program->recorded),
		.allow_native = native,
		/* Else a CPython traces by itself. */
		.sample_bytes = native || puts ? program->opts->sample_bytes : 0,
		.exact = puts && program->opts->exact,
		.c_frames = puts && program->opts->c_frames,
		.maps = program->opts->maps,
		.in_core_dumps = program->opts->in_core_dumps,
		.allocs = program->opts->allocs, .nallocs = program->opts->nallocs,
		.frees = program->opts->frees, .nfrees = program->opts->nfrees,
	};

	return tm_session_open_held(program->pid, held ? program->pid : 0, &opts, err);
}

void run_program_snapshot(struct run_program *program, bool held)
{
	struct tm_snapshot *snapshot = NULL;
	struct tm_session *session;
	struct tm_err err;

	session = open_session(program, held, &err);
	if (session)
		snapshot = tm_session_take_snapshot(session, &err);
	tm_session_close(session);
	program->saved |= snapshot && held;
	if (snapshot)
		program->opts->snapshot(program->opts->ctx, snapshot, held);
	else
		run_note(program, err.object, err.cause);
}

/* ---- tracing ------------------------------------------------------- */

unsigned run_program_options(const struct run_program *program)
{
	return RUN_OPTIONS | (program->opts->children ? RUN_CHILDREN : 0u);
}

/* Other steps have set others. */
static void set_options(const struct run_program *program)
{
	ptrace(PTRACE_SETOPTIONS, program->pid, NULL, (long)run_program_options(program));
}

/* If it cannot be done, the reason is reported at the end, if it still matters. */
static void record(struct run_program *program)
{
	struct tm_session *session;
	const char *advice = "";
	struct tm_control_result control = { 0 };
	struct tm_err err;

	session = open_session(program, true, &err);
	if (!session && err.kind == TM_ERR_UNSUPPORTED) /* a Python: no lines of it */
		advice = "; --recorder injects the recorder for native programs";
	program->recorded = session &&
		tm_session_start_tracing(session, program->opts->nframe, 0, &control, &err);
	tm_session_close(session);
	if (!program->recorded)
		snprintf(program->why, sizeof(program->why), "%.400s%s", err.cause, advice);
	set_options(program);
}

/* What was asked for and is of no use in a CPython. */
static void tell_useless(const struct run_program *program)
{
	const struct tm_run_opts *opts = program->opts;
	const bool puts = run_puts_recorder(opts);
	const struct { const char *name; bool given; } options[] = {
		{ "--alloc", opts->nallocs > 0 }, { "--free", opts->nfrees > 0 },
		{ "--maps", opts->maps }, { "--in-core", opts->in_core_dumps && !puts },
	};
	char names[64] = "";

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].given) {
			if (names[0])
				strcat(names, ", ");
			strcat(names, options[i].name);
		}
	if (names[0])
		run_note(program, names, puts ? "of no use in a CPython, where the recorder is in "
			 "Python's allocators; --recorder puts it into malloc" :
			 "of the recorder, and this is a CPython, which traces by itself; --sample or "
			 "--exact puts the recorder into its allocators, --recorder into malloc");
}

/* ---- the recorder in a CPython ------------------------------------------------------ */

/* Without it there is nothing to be looked at, at the end either. That is said at the
 * end, unless another program was traced that the command has been before. */
static void not_recorded(struct run_program *program, const char *cause, bool has_tracemalloc)
{
	program->final_done = true;
	snprintf(program->why, sizeof(program->why), "%.400s; %s", cause, has_tracemalloc ?
		 "leave out PYTHONTRACEMALLOC and -X tracemalloc" :
		 "without --sample or --exact it traces by tracemalloc");
	if (program->was_traced)
		run_note(program, program->name, program->why);
}

/* A program that has loaded its Python late has had malloc's recorder until now. */
static bool make_way(struct run_program *program, struct tm_session *session, struct tm_err *err)
{
	struct tm_control_result control = { 0 };

	if (!program->recorded)
		return true;
	run_note(program, program->name, "its interpreter is up: the recorder moves into the "
		 "allocators of that, and forgets what it has seen before");
	program->recorded = false;
	return tm_session_stop_tracing(session, 0, &control, err);
}

void run_program_python_up(struct run_program *program)
{
	struct tm_control_result control = { 0 };
	struct tm_session *session;
	struct tm_err err;

	if (!run_puts_recorder(program->opts))
		return;
	program->python_recorded = true;
	session = open_session(program, true, &err);
	program->recorded = session && make_way(program, session, &err) &&
		tm_session_start_tracing(session, program->opts->nframe, 0, &control, &err);
	tm_session_close(session);
	program->python_recorded = program->recorded;
	program->was_traced |= program->recorded;
	if (!program->recorded)
		not_recorded(program, err.cause, err.kind == TM_ERR_USAGE);
	set_options(program);
}

/* Now, or when it is up. */
static void expect_python(struct run_program *program, bool late)
{
	tell_useless(program);
	if (!run_puts_recorder(program->opts))
		program->was_traced = true;
	else if (late)
		run_program_python_up(program);
	else if (!program->hold.made[RUN_FRAME])
		not_recorded(program, "the moment in which its interpreter is up cannot be told", false);
	else
		snprintf(program->why, sizeof(program->why), "its interpreter was never up");
}

static void end_unseen(const struct run_program *program, const struct tm_err *why)
{
	char line[1200];

	snprintf(line, sizeof(line), "the snapshot of its end will be taken only if it is killed "
		 "(SIGUSR1 takes one now): %s%s%s", why->cause, why->hint[0] ? "; " : "", why->hint);
	if (program->opts->snapshot)
		run_note(program, "-o", line);
}

/* Where the snapshot of its end is wanted, and where it is up: unless it traces
 * by then, it is asked to. */
static void hold_python(struct run_program *program, const struct run_python *python)
{
	const struct tm_run_opts *opts = program->opts;
	const struct run_wanted wanted = {
		.end = opts->snapshot != NULL, .up = !opts->use_recorder,
		.nframe = run_puts_recorder(opts) ? 0 : opts->nframe,
	};
	struct tm_err err;

	if (tm_process_filtered(&program->process)) {
		tm_err_set(&err, TM_ERR_UNSUPPORTED, "", "a seccomp filter watches its system calls");
		end_unseen(program, &err);
	} else if (!run_hold_python(&program->process, python, &program->libc, &wanted,
				    &program->hold, &err)) {
		tm_log("run: %s: %s", err.object, err.cause);
		if (!program->hold.made[RUN_FINALIZE])
			end_unseen(program, &err);
	}
	set_options(program);
}

static void hold_libc(struct run_program *program)
{
	struct tm_err err;

	if (tm_process_filtered(&program->process) ||
	    ((!program->opts->snapshot || (program->opts->children && !program->python)) &&
	     !run_names_python(program->pid)))
		return;
	if (!run_hold_libc(&program->process, !program->python, &program->libc, &err))
		tm_log("run: %s: %s", err.object, err.cause);
	set_options(program);
}

/* In a family only processes that run Python are recorded. */
static bool wants_recorder(const struct run_program *program)
{
	return program->opts->use_recorder || (!program->python && !program->opts->children);
}

/* By the recorder or, where it is a Python, by itself. False: not at all. */
static bool begin_tracing(struct run_program *program, bool late)
{
	const bool recorder = wants_recorder(program);

	if (recorder)
		record(program);
	else if (program->python)
		expect_python(program, late);
	program->was_traced |= program->recorded;
	return recorder || program->python;
}

void run_program_trace(struct run_program *program)
{
	struct run_python python;

	program->python = run_hold_find(program->pid, &python);
	hold_libc(program);
	if (program->python)
		hold_python(program, &python);
	if (!begin_tracing(program, false))
		snprintf(program->why, sizeof(program->why), "it does not run Python, nor "
			 "does any process that it started");
}

void run_program_trace_late(struct run_program *program)
{
	struct run_python python;

	program->python = run_hold_find(program->pid, &python);
	begin_tracing(program, true);
}

void run_program_loaded(struct run_program *program)
{
	struct run_python python;

	if (program->python || !run_hold_find(program->pid, &python))
		return;
	program->python = true;
	run_hold_pass(&program->process, &program->libc, RUN_LOAD);
	hold_python(program, &python);
	if (!program->opts->use_recorder)
		expect_python(program, false);
}
