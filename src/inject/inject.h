/*
 * The recorder in a native process: inject it, query it, remove it.
 *
 *	struct tm_injection *in = tm_inject_find(&process, &err);
 *	if (!in && err.kind == TM_ERR_NOT_TRACED)
 *		in = tm_inject_start(&process, &opts, &err);
 *	...
 *	tm_inject_sample(in, TM_INJECT_BRIEFLY, &copy, NULL, &err);
 *	tm_inject_close(in);
 *
 * Nothing is called in the target: it executes a few system calls of ours, and
 * everything else is written from outside. Nothing in it is ever writable and
 * executable. If we are killed at any instant, the target runs on; what was
 * brought in by then is found again by tm_inject_find().
 *
 * All calls that stop the target must come from one thread (ptrace).
 */
#ifndef TM_INJECT_INJECT_H
#define TM_INJECT_INJECT_H

#include "inject/functions.h"
#include "mem/mem.h"
#include "recorder/abi.h"
#include "target/process.h"
#include "target/stop.h"
#include "tmattach/err.h"
#include "trace/recorder_copy.h"

struct tm_injection;

/* CPython's allocators as they are now: what the recorder has to know, and the
 * words through which it calls them (all but `ours`). */
struct tm_inject_python {
	struct tm_recorder_python facts;
	struct tm_recorder_py_word words[TM_PY_WORDS];
	/* Is all of this true of the process as it stands still now? Asked before
	 * a word is changed. TM_ERR_BUSY: not at this instant. */
	bool (*proved)(void *ctx, const struct tm_stop *stop, struct tm_err *err);
	void *ctx;
};

struct tm_inject_opts {
	uint32_t nframe;       /* 1 .. TM_RECORDER_MAX_FRAMES; 0: 1 */
	uint32_t domain;       /* of the traces */
	uint64_t sample_bytes; /* 0: every block; else the mean distance */
	uint64_t memory_limit; /* of the table; 0: half of the machine's memory,
				  less in a program that locks its memory, and
				  with `in_core` */
	const struct tm_inject_python *python; /* hook these; NULL: malloc's family */
	struct tm_given given; /* functions to hook besides; borrowed */
	bool maps;             /* and what maps memory; not with samples */
	const char *elsewhere; /* why what it allocates may not come from malloc, for those
				  who ask why nothing was found; NULL: unknown */
	bool in_core;          /* the table is written to core dumps, in its full
				  size; the kernel makes its pages for that */
};

/*
 * Start recording. TM_ERR_UNSUPPORTED where it cannot be done (no allocation
 * function found, a function too odd to patch, a seccomp filter that we may
 * not suspend), TM_ERR_BUSY when no good instant came up in time, and
 * TM_ERR_USAGE when a recorder is there already.
 */
struct tm_injection *tm_inject_start(const struct tm_process *process,
				     const struct tm_inject_opts *opts,
				     struct tm_err *err) TM_MUST_CHECK;

/* After the start: is what it loads and unloads not seen before we look? */
bool tm_inject_is_blind(const struct tm_injection *in);

/* After the start, and after each refresh: what is missed because it cannot be hooked, a
 * sentence. False: nothing more that has not been told by this. */
bool tm_inject_missed(struct tm_injection *in, char *ret, size_t size);

/*
 * The recorder that is already there. TM_ERR_NOT_TRACED if there is none, and
 * also for what is left of one: after a fork the child has the hooks but no
 * table; they do nothing. tm_inject_start() clears such remains away.
 */
struct tm_injection *tm_inject_find(const struct tm_process *process,
				    struct tm_err *err) TM_MUST_CHECK;

/* Forget our side only; the recorder goes on. NULL is fine. */
void tm_inject_close(struct tm_injection *in);

/*
 * Stop recording, put the functions back as they were and unmap everything.
 * `in` is closed, also on failure. *ret_left (may be NULL) is set when a
 * thread is blocked inside our code and will come back to it: then the inert code
 * stays mapped, beside the recorder of the next start, and each start and stop
 * tries again.
 */
bool tm_inject_stop(struct tm_injection *in, bool *ret_left,
		    struct tm_err *err) TM_MUST_CHECK;
/* The same for what is left of former ones, where none is recording. */
bool tm_inject_tidy(const struct tm_process *process, bool *ret_left,
		    struct tm_err *err) TM_MUST_CHECK;

/* Has a process something of a recorder in it? Asked of its maps only. */
bool tm_inject_remains(pid_t pid);

struct tm_inject_status {
	uint32_t nframe;
	uint64_t sample_bytes;
	uint64_t current;  /* bytes; an estimate when sampling */
	uint64_t peak;
	uint64_t count;    /* live blocks in the table */
	uint64_t dropped;  /* events that could not be recorded */
	uint64_t tracer_memory; /* resident bytes of table and code */
	uint64_t epoch;    /* changes with clear() */
	bool python;       /* behind the allocators of a CPython */
	bool merges;       /* C functions between those of Python, */
	bool with_c;       /* and blocks that C code takes from malloc */
	uint64_t unmerged; /* stacks in which they did not fit together, and are
			      left out */
	bool follows;      /* blocks that CPython keeps for other objects: by a hook
			      that is still in its place */
	bool unseated;     /* it was, and another has taken its place */
	bool maps;          /* what is mapped is recorded, too */
	uint64_t anonymous; /* resident bytes of no file when the epoch began; 0: unknown */
};

/* Does not stop the target. TM_ERR_GONE when it ended. */
bool tm_inject_status(struct tm_injection *in, struct tm_inject_status *ret,
		      struct tm_err *err) TM_MUST_CHECK;

/* Forget all traces; peak and current become 0. Stops the target briefly. */
bool tm_inject_clear(struct tm_injection *in, struct tm_err *err) TM_MUST_CHECK;
/* peak := current. Stops the target briefly. */
bool tm_inject_reset_peak(struct tm_injection *in, struct tm_err *err) TM_MUST_CHECK;

/*
 * Update what the target has loaded and unloaded: unwind rows of new
 * modules, hooks in new allocators. Stops the target only for the latter.
 * Called by tm_inject_sample() too.
 */
bool tm_inject_refresh(struct tm_injection *in, struct tm_err *err) TM_MUST_CHECK;

/* ---- reading ------------------------------------------------------------- */

enum tm_inject_reading {
	TM_INJECT_BRIEFLY,      /* stopped for an instant, of which the table is; where
				   that is not possible, while it is read */
	TM_INJECT_ONLY_BRIEFLY, /* or not at all */
	TM_INJECT_STOPPED,      /* while it is read */
};

struct tm_inject_sampled {
	uint64_t pause_ns; /* for how long the target was stopped */
	char why[512];     /* why not only for the instant; "" if it was, or was not to be */
	struct tm_inject_thread {
		pid_t tid;
		tm_addr pointer;   /* the thread pointer */
	} *threads;        /* that there were at the instant */
	size_t nthreads;
};

void tm_inject_sampled_free(struct tm_inject_sampled *sampled);

/* Copy the table as it is at one instant. `ret` may be NULL, else it is to be freed. */
bool tm_inject_sample(struct tm_injection *in, enum tm_inject_reading how,
		      struct tm_recorder_copy *copy, struct tm_inject_sampled *ret,
		      struct tm_err *err) TM_MUST_CHECK;

/*
 * The same, of an instant at which the caller holds the target for something else:
 *
 *	tm_inject_look_prepare()   before
 *	tm_inject_look_begin()     while it stands still; allocates nothing
 *	tm_inject_look_read()      at once, while it runs, or is `held` still: then the
 *				   copy's slots are those of the instant
 *
 * and again from the start where that failed (TM_ERR_BUSY), or for another instant.
 */
struct tm_inject_look;
/* `copy` is borrowed, as is `in`. */
struct tm_inject_look *tm_inject_look_create(struct tm_injection *in,
					     struct tm_recorder_copy *copy);
bool tm_inject_look_prepare(struct tm_inject_look *look, struct tm_err *err) TM_MUST_CHECK;
bool tm_inject_look_begin(struct tm_inject_look *look, struct tm_err *err) TM_MUST_CHECK;
bool tm_inject_look_read(struct tm_inject_look *look, bool held,
			 struct tm_err *err) TM_MUST_CHECK;
/* What was begun ends. NULL is fine. */
void tm_inject_look_destroy(struct tm_inject_look *look);


/* The table as memory, at any time, also after the target's end if we brought
 * it in or could open it: stacks are read from here after the copy. */
struct tm_mem *tm_inject_table(const struct tm_injection *in, tm_addr *ret_at);

#endif
