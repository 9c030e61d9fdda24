/*
 * Where figures come from: the few calls the sampler makes on a target. The
 * real feed wraps tm_session; tests script one. All calls are made on the
 * sampler's thread.
 */
#ifndef TUI_FEED_H
#define TUI_FEED_H

#include "tmattach/control.h"
#include "tmattach/session.h"
#include "tmattach/threads.h"

/* What a target is asked for once, by a key. */
enum request {
	REQUEST_RESET_PEAK,
	REQUEST_START,   /* tracing, with so many frames */
	REQUEST_RECORD,  /* the same by our recorder, in a process that has no
			    runtime that is known; not for control() */
	REQUEST_CLEAR,
	REQUEST_STOP,
	REQUEST_THREADS, /* their stacks; not for control() */
	REQUEST_COUNT
};

struct feed_ops {
	/* Is there a new target? Its pid; then it is number i from now on,
	 * whatever was i before. 0: none. May be NULL. */
	pid_t (*another)(void *ctx, size_t i);

	/* Attach to target i; NULL with *err. `opts` carries the remarks. */
	void *(*open)(void *ctx, size_t i, const struct tm_session_opts *opts,
		      struct tm_err *err);
	void (*close)(void *target);
	pid_t (*pid)(void *target);
	const char *(*command)(void *target);
	/* Gone by exec()? Then it can be opened again. */
	bool (*replaced)(void *target);
	bool (*status)(void *target, struct tm_status *ret, struct tm_err *err);
	struct tm_snapshot *(*sample)(void *target, struct tm_err *err);
	bool (*control)(void *target, enum request request, uint32_t nframe,
			struct tm_control *ret, struct tm_err *err);

	/* Thread stacks have a reader of their own: a process that is no
	 * Python has them too. */
	void *(*open_threads)(void *ctx, size_t i, struct tm_err *err);
	void (*close_threads)(void *reader);
	struct tm_threads *(*threads)(void *reader, struct tm_err *err);
};

struct feed {
	const struct feed_ops *ops;
	void *ctx;
};

/* Sessions on processes. The struct is borrowed; `pids` grows. */
struct feed_processes {
	pid_t *pids;
	size_t n;
	pid_t (*another)(void *ctx); /* as in struct tm_top_opts */
	void *another_ctx;
};

struct feed feed_of_sessions(struct feed_processes *processes);

#endif
