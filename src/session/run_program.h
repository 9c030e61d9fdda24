/*
 * The program that a watched command is at the moment: how it is traced, and
 * when its last snapshot is taken. A CPython traces by itself
 * (PYTHONTRACEMALLOC); anything else gets the recorder at its entry point,
 * when its libraries are loaded and none of its own code has run. Private to
 * src/session.
 *
 * All of it runs on the thread that has attached to the command; where
 * nothing else is said, the command's main thread stands in a stop of ours.
 */
#ifndef TM_SESSION_RUN_PROGRAM_H
#define TM_SESSION_RUN_PROGRAM_H

#include <sys/ptrace.h>
#include <sys/types.h>

#include "mem/mem.h"
#include "py/finalizing.h"
#include "session/run_door.h"
#include "tmattach/run.h"

/* The options on it; they are set again where a step had to set others. */
enum { RUN_OPTIONS = PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD };

/* What we wait for. */
enum run_watch {
	WATCH_NOTHING,
	WATCH_DOOR,       /* its libraries are loaded, its code begins */
	WATCH_BEGINNING,  /* the interpreter sets itself up */
	WATCH_FINALIZING, /* a breakpoint: the interpreter begins to end */
};

struct run_program {
	const struct tm_run_opts *opts;
	pid_t pid;
	bool executed;        /* there is one: the command's own has begun */
	enum run_watch watch;
	struct run_door door;
	struct py_finalizing finalizing; /* its mark is 0: no CPython, or not known (yet) */
	unsigned syscalls;    /* seen while it sets itself up */
	bool recorded;        /* the recorder is in it */
	bool final_done;      /* the last snapshot is taken, or missed */
	/* Of all that the command was so far: */
	bool was_traced;
	char why[512];        /* not: why the recorder is not in it */
};

/* It has called exec; its loader runs next. */
void run_program_begins(struct run_program *program);
/* In a stop for `sig`, of a signal or at a system call: is that what is waited
 * for? Then what is to be done is done. */
bool run_program_trap(struct run_program *program, int sig);
/* Out of its stop, with a signal or 0. */
void run_program_go_on(const struct run_program *program, int sig);
/* Its last moment in the kernel. */
void run_program_ends(struct run_program *program);

/* A snapshot of a command that runs and has no tracer. */
void run_program_sample(struct run_program *program);
/* We have attached to it again; it may have become another. */
void run_program_again(struct run_program *program);

/* PYTHONTRACEMALLOC, for us and what we become or start. */
bool run_set_environment(const struct tm_run_opts *opts, struct tm_err *err) TM_MUST_CHECK;
void run_note(const struct run_program *program, const char *object, const char *text);

#endif
