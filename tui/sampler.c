#include "base/alloc.h"
#include "base/clock.h"
#include "sampler_private.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool gives_up(void *ctx)
{
	struct sampler *sampler = ctx;

	return atomic_load(&sampler->give_up);
}

static void wait_for_work(struct sampler *sampler)
{
	uint64_t until = sampler->next_status;
	struct timespec ts;

	if (!sampler->paused && sampler->next_sample < until)
		until = sampler->next_sample;
	ts.tv_sec = (time_t)(until / 1000);
	ts.tv_nsec = (long)(until % 1000) * 1000000;
	while (!sampler->stop && (sampler->hold ||
	       (!sampler->now && !sampler->any_wish && tm_now_ms() < until)))
		if (sampler->hold)
			pthread_cond_wait(&sampler->wake, &sampler->lock);
		else
			pthread_cond_timedwait(&sampler->wake, &sampler->lock, &ts);
}

/* What was asked for until now, under the lock; NULL: nothing. */
static struct wish *take_wishes(struct sampler *sampler)
{
	size_t n = sampler->ntargets;
	struct wish *wishes;

	if (!sampler->any_wish)
		return NULL;
	wishes = tm_memdup(sampler->wishes, n * sizeof(*wishes));
	memset(sampler->wishes, 0, n * sizeof(*wishes));
	sampler->any_wish = false;
	return wishes;
}

static void close_all(struct sampler *sampler)
{
	for (size_t i = 0; i < sampler->ntargets; i++)
		target_close(sampler->targets[i]);
}

static void *sampler_main(void *arg)
{
	struct sampler *sampler = arg;

	pthread_mutex_lock(&sampler->lock);
	for (;;) {
		struct wish *wishes;
		bool paused = sampler->paused, asked = sampler->now;
		uint64_t interval_ms = sampler->interval_ms;

		if (sampler->stop)
			break;
		wishes = take_wishes(sampler);
		sampler->now = false;
		sampler->busy = true;
		pthread_mutex_unlock(&sampler->lock);
		sampler_round(sampler, wishes, interval_ms, paused, asked);
		free(wishes);
		pthread_mutex_lock(&sampler->lock);
		sampler->busy = false;
		pthread_cond_broadcast(&sampler->idle);
		wait_for_work(sampler);
	}
	pthread_mutex_unlock(&sampler->lock);
	close_all(sampler);
	return NULL;
}

static void create_targets(struct sampler *sampler)
{
	sampler->ntargets = sampler->opts.ntargets;
	sampler->wishes = tm_calloc(sampler->ntargets, sizeof(*sampler->wishes));
	sampler->targets = tm_calloc(sampler->ntargets, sizeof(*sampler->targets));
	for (size_t i = 0; i < sampler->ntargets; i++)
		sampler->targets[i] = sampler_target(sampler, i);
}

static void sampler_free(struct sampler *sampler)
{
	for (size_t i = 0; i < sampler->ntargets; i++)
		free(sampler->targets[i]);
	free(sampler->targets);
	free(sampler->wishes);
	free(sampler);
}

struct sampler *sampler_create(const struct sampler_opts *opts,
			       struct queue *events)
{
	struct sampler *sampler = tm_calloc(1, sizeof(*sampler));
	pthread_condattr_t attr;

	sampler->opts = *opts;
	sampler->opts.session.give_up = gives_up;
	sampler->opts.session.give_up_ctx = sampler;
	sampler->events = events;
	sampler->interval_ms = opts->interval_ms;
	create_targets(sampler);
	pthread_mutex_init(&sampler->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sampler->wake, &attr);
	pthread_cond_init(&sampler->idle, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&sampler->thread, NULL, sampler_main, sampler) == 0)
		return sampler;
	sampler_free(sampler);
	return NULL;
}

void sampler_destroy(struct sampler *sampler)
{
	if (!sampler)
		return;
	atomic_store(&sampler->give_up, true);
	pthread_mutex_lock(&sampler->lock);
	sampler->stop = true;
	pthread_cond_signal(&sampler->wake);
	pthread_mutex_unlock(&sampler->lock);
	pthread_join(sampler->thread, NULL);
	pthread_mutex_destroy(&sampler->lock);
	pthread_cond_destroy(&sampler->wake);
	pthread_cond_destroy(&sampler->idle);
	sampler_free(sampler);
}

void sampler_interval(struct sampler *sampler, uint64_t interval_ms, bool paused)
{
	pthread_mutex_lock(&sampler->lock);
	/* A new interval counts from now on, not after the old one is over. */
	sampler->now |= (!paused && sampler->paused) ||
			interval_ms < sampler->interval_ms;
	sampler->interval_ms = interval_ms;
	sampler->paused = paused;
	pthread_cond_signal(&sampler->wake);
	pthread_mutex_unlock(&sampler->lock);
}

void sampler_now(struct sampler *sampler)
{
	pthread_mutex_lock(&sampler->lock);
	sampler->now = true;
	pthread_cond_signal(&sampler->wake);
	pthread_mutex_unlock(&sampler->lock);
}

void sampler_ask(struct sampler *sampler, size_t source, enum request request,
		 uint32_t nframe)
{
	pthread_mutex_lock(&sampler->lock);
	for (size_t i = 0; i < sampler->ntargets; i++) {
		struct wish *wish = &sampler->wishes[i];

		if (source != SIZE_MAX && source != sampler_source_of(sampler, i))
			continue;
		wish->requests |= 1u << request;
		if (request == REQUEST_START || request == REQUEST_RECORD)
			wish->nframe = nframe;
	}
	sampler->any_wish = true;
	pthread_cond_signal(&sampler->wake);
	pthread_mutex_unlock(&sampler->lock);
}

void sampler_hold(struct sampler *sampler)
{
	atomic_store(&sampler->give_up, true);
	pthread_mutex_lock(&sampler->lock);
	sampler->hold = true;
	while (sampler->busy)
		pthread_cond_wait(&sampler->idle, &sampler->lock);
	pthread_mutex_unlock(&sampler->lock);
}

void sampler_release(struct sampler *sampler)
{
	pthread_mutex_lock(&sampler->lock);
	atomic_store(&sampler->give_up, false);
	sampler->hold = false;
	pthread_cond_signal(&sampler->wake);
	pthread_mutex_unlock(&sampler->lock);
}
