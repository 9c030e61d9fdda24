/*
 * The sampler: one thread that owns the targets (ptrace wants all its calls
 * from one thread) and turns them into events: cheap figures several times a
 * second, snapshots at the interval. Requests return at once.
 */
#ifndef TUI_SAMPLER_H
#define TUI_SAMPLER_H

#include "event.h"
#include "feed.h"

struct sampler;

struct sampler_opts {
	struct feed feed;
	size_t ntargets;                /* at the beginning */
	size_t nkept;                   /* the first of them, which stay when
					   they have ended; new ones replace the rest */
	size_t first_source;            /* events name target i as first + i, */
	size_t first_added;             /* those that came since from here on */
	uint64_t interval_ms;
	struct tm_session_opts session;
};

/* NULL if no thread could be started. */
struct sampler *sampler_create(const struct sampler_opts *opts,
			       struct queue *events);
/* A running sample is given up; closes the targets. NULL is fine. */
void sampler_destroy(struct sampler *sampler);

void sampler_interval(struct sampler *sampler, uint64_t interval_ms, bool paused);
void sampler_now(struct sampler *sampler);
/* Of one target, or of all (SIZE_MAX); answered by EV_DONE. `nframe' is for
 * REQUEST_START and RECORD. */
void sampler_ask(struct sampler *sampler, size_t source, enum request request,
		 uint32_t nframe);

/* Between the two no call on a target is under way: for being stopped by the
 * terminal while no target is stopped by us. A running sample is given up and
 * taken again afterwards. */
void sampler_hold(struct sampler *sampler);
void sampler_release(struct sampler *sampler);

#endif
