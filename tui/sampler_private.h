/* What the sampler's thread and its rounds share. Private to sampler*.c. */
#ifndef TUI_SAMPLER_PRIVATE_H
#define TUI_SAMPLER_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "sampler.h"
#include "target.h"

/* Requests to one target that are not done yet. */
struct wish {
	unsigned requests; /* 1 << REQUEST_... */
	uint32_t nframe;
};

struct sampler {
	struct sampler_opts opts;
	struct queue *events;
	pthread_t thread;
	atomic_bool give_up;  /* the running sample is to end: stop or hold */

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;  /* the sampler has something to do */
	pthread_cond_t idle;  /* no call is under way */
	uint64_t interval_ms;
	bool paused, now, stop, hold, busy, any_wish;
	struct wish *wishes;  /* of each target */
	size_t ntargets;      /* changed by the thread, which reads it freely */

	struct target **targets; /* this and below: the thread's own */
	uint64_t effective_ms;
	uint64_t next_open, next_status, next_sample, next_others;
};

/* A target for the place `i`; not opened. */
struct target *sampler_target(struct sampler *sampler, size_t i);
/* How events name target `i`. */
size_t sampler_source_of(const struct sampler *sampler, size_t i);

/*
 * Do what is due: open targets, carry out the wishes (NULL: none), look for
 * new targets, read figures, take samples. `asked`: samples are wanted at once.
 */
void sampler_round(struct sampler *sampler, const struct wish *wishes,
		   uint64_t interval_ms, bool paused, bool asked);

#endif
