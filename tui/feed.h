/*
 * Where figures come from: the few calls the sampler makes on a target. The
 * real feed wraps tm_session; tests script one. All calls are made on the
 * sampler's thread.
 */
#ifndef TUI_FEED_H
#define TUI_FEED_H

#include "ask.h"
#include "tmattach/process.h"

struct feed_ops {
	/* Is there a new target? Its pid; then it is number i from now on,
	 * whatever was i before. 0: none. May be NULL. */
	pid_t (*another)(void *ctx, size_t i);

	/* Attach to target i; NULL with *err. `opts` carries the remarks. */
	struct tm_session *(*open)(void *ctx, size_t i,
				   const struct tm_session_opts *opts,
				   struct tm_err *err);
	void (*close)(struct tm_session *target);
	pid_t (*pid)(const struct tm_session *target);
	const char *(*command)(const struct tm_session *target);
	/* Gone by exec()? Then it can be opened again. */
	bool (*replaced)(const struct tm_session *target);
	bool (*status)(struct tm_session *target, struct tm_status *ret,
		       struct tm_err *err);
	/* tm_session_take_member() */
	struct tm_snapshot *(*sample)(struct tm_session *target,
				      struct tm_family *family,
				      struct tm_snapshot **ret_once,
				      struct tm_err *err);

	bool (*ask)(struct tm_session *target, enum request request,
		    uint32_t nframe, struct answer *ret, struct tm_err *err);
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
