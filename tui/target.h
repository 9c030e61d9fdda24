/*
 * One target of the sampler: each call on the feed is answered by events. Used
 * by the sampler's thread only.
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
	/* Called many times a second during a long sample. It may only call
	 * target_glance(). */
	void (*during_sample)(void *ctx);
	void *during_sample_ctx;

	struct tm_session *handle; /* NULL: not attached */
	struct tm_session *any;  /* for questions that any process answers; NULL: not open */
	bool gone;               /* for good */
	bool replaced;           /* runs another program: open it again */
	bool unknown;            /* has no known runtime */
	uint64_t gone_ms;        /* when that was seen */
	bool tracing;
	uint64_t sample_began, next_progress; /* of the sample under way */
};

/* The members above `handle` are the caller's and have been set. */
void target_init(struct target *target);
void target_close(struct target *target);

void target_open(struct target *target);
void target_status(struct target *target);

/* The figures, if they can be had; closes nothing and reports no failure. */
void target_glance(struct target *target);

/* An EV_SAMPLE that is not pushed yet; NULL if there is none. A long one is
 * accompanied by EV_PROGRESS; one that was given up leaves no trace. */
struct event *target_sample(struct target *target, struct tm_family *family);

/* True if the traces are others now, and worth a sample. */
bool target_request(struct target *target, enum request request,
		    uint32_t nframe);

#endif
