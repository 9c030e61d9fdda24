/*
 * One target of the sampler: each call on the feed is answered by events. All
 * of it is of the sampler's thread.
 */
#ifndef TUI_TARGET_H
#define TUI_TARGET_H

#include "event.h"
#include "feed.h"

struct target {
	const struct feed *feed;
	size_t index;            /* in the feed */
	size_t source;           /* in events */
	struct queue *events;
	struct tm_session_opts session; /* its remarks become events */
	/* Called within a long sample, many times a second: for what should go
	 * on meanwhile. target_glance() is all that may be done then. */
	void (*meanwhile)(void *ctx);
	void *meanwhile_ctx;

	void *handle;            /* NULL: not attached */
	void *threads;           /* reader of thread stacks; NULL: none yet */
	bool gone;               /* for good */
	bool replaced;           /* runs another program: open it again */
	bool unknown;            /* has no runtime that is known */
	uint64_t gone_ns;        /* when that was seen */
	bool tracing;
	uint64_t sample_began, next_progress; /* of the sample under way */
};

/* What is set above handle stays the caller's. */
void target_init(struct target *target, const struct target *model);
void target_close(struct target *target);

void target_open(struct target *target);
void target_status(struct target *target);

/* The figures, if they can be had; closes nothing and reports no failure. */
void target_glance(struct target *target);

/* An EV_SAMPLE that is not pushed yet; NULL if there is none. A long one is
 * accompanied by EV_PROGRESS; one that was given up leaves no trace. */
struct event *target_sample(struct target *target);

/* True if the traces are others now, and worth a sample. */
bool target_request(struct target *target, enum request request,
		    uint32_t nframe);

#endif
