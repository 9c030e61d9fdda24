/*
 * The program that a watched command is at the moment: how it is traced, and
 * its snapshots. A CPython traces by itself (PYTHONTRACEMALLOC), or gets the recorder when
 * its interpreter is up; anything else
 * gets the recorder when its libraries are loaded and no code of theirs or its own has
 * run. What happens to it is in run_events.h. Private to
 * src/session.
 *
 * All of it runs on the thread that has attached to the command; unless a
 * function says otherwise, the command's main thread is in a stop of ours.
 */
#ifndef TM_SESSION_RUN_PROGRAM_H
#define TM_SESSION_RUN_PROGRAM_H

#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/types.h>

#include "mem/mem.h"
#include "session/run_door.h"
#include "session/run_hold.h"
#include "session/run_loader.h"
#include "target/process.h"
#include "tmattach/run.h"

/* The ptrace options; they are set again after steps that set others. */
enum {
	RUN_OPTIONS = PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD,
	RUN_CHILDREN = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK,
};

struct run_program {
	const struct tm_run_opts *opts;
	const char *name;     /* of the command, for messages */
	pid_t pid;
	bool executed;        /* the command's own program has begun */
	struct tm_process process; /* as which program; held */
	struct run_loader loader; /* its libraries are still being loaded */
	struct run_door door; /* its code has not begun */
	bool begun;           /* tracing it, or what there is instead */
	bool python;          /* a CPython is loaded */
	struct run_hold hold; /* where that makes detours */
	struct run_hold libc; /* where its C library does */
	bool recorded;        /* the recorder is in it: in malloc, */
	bool python_recorded; /* or in the allocators of its CPython */
	bool final_done;      /* the last snapshot is taken, or missed */
	bool saved;           /* and it is taken */
	bool borrows;         /* its memory is its parent's still: vfork() */
	/* About all programs that the command has been so far: */
	bool was_traced;
	char why[512];        /* if not: why the recorder is not in it */
};

/* RUN_OPTIONS, and those for watching its children if that is wanted. */
unsigned run_program_options(const struct run_program *program);

/* At its entry point, its libraries loaded: find out what it is, and begin tracing. */
void run_program_trace(struct run_program *program);
/* The same for one that runs already; no detours are made. */
void run_program_trace_late(struct run_program *program);
/* A program without Python has loaded something. */
void run_program_loaded(struct run_program *program);
/*
 * Takes a snapshot and hands it to the caller of run. If `held`, this is its last
 * moment: no copy is made, and a lock whose owner has ended is not waited for as
 * long.
 */
void run_program_snapshot(struct run_program *program, bool held);

/* Its interpreter is up, or it is a child that was forked from one that was: bring in
 * the recorder, if one is wanted there. */
void run_program_python_up(struct run_program *program);

/* Is the recorder to be put into the allocators of each CPython? */
static inline bool run_puts_recorder(const struct tm_run_opts *opts)
{
	return !opts->use_recorder && (opts->exact || opts->sample_bytes);
}

/* PYTHONTRACEMALLOC, for us and what we become or start, where tracemalloc is wanted. */
bool run_set_environment(const struct tm_run_opts *opts, struct tm_err *err) TM_MUST_CHECK;
void run_note(const struct run_program *program, const char *object, const char *text);

#endif
