#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "sampler_private.h"

#define STATUS_MS 250
/* Retry interval for targets that we could not attach to. */
#define OPEN_MS 1000
/* New processes are looked for at the interval, but not more often. */
#define OTHERS_MS 1000
/* A sample may stop the target for at most this part of the time. */
#define PAUSE_SHARE 100
/* How many children that have ended are kept in the view. */
#define GONE_KEPT 4

/* How long a target was stopped: at least 1 ms, if at all. */
static uint64_t pause_of(const struct event *event)
{
	uint64_t ns = event->sample.snap->snapshot->meta.pause_ns;

	return ns > 0 && ns < 1000000 ? 1 : ns / 1000000;
}

static void sample_all(struct sampler *sampler, uint64_t interval_ms)
{
	struct tm_family *family = sampler->ntargets > 1 ? tm_family_create() : NULL;
	struct event *last = NULL;
	uint64_t longest = 0;

	for (size_t i = 0; i < sampler->ntargets; i++) {
		struct event *event = target_sample(sampler->targets[i], family);

		if (!event)
			continue;
		if (pause_of(event) > longest)
			longest = pause_of(event);
		if (last)
			queue_push(sampler->events, last);
		last = event;
	}
	tm_family_destroy(family);
	sampler->effective_ms = interval_ms;
	if (longest * PAUSE_SHARE > interval_ms)
		sampler->effective_ms = longest * PAUSE_SHARE;
	if (!last)
		return;
	last->sample.interval_ms = sampler->effective_ms;
	last->sample.round_done = true;
	queue_push(sampler->events, last);
}

/* True if a sample is wanted for it. */
static bool grant(struct sampler *sampler, const struct wish *wishes)
{
	bool changed = false;

	for (size_t i = 0; i < sampler->ntargets; i++)
		for (enum request r = 0; r < REQUEST_COUNT; r++)
			if (wishes[i].requests & 1u << r)
				changed |= target_request(sampler->targets[i], r,
							  wishes[i].nframe);
	return changed;
}

/* Processes that could not be attached to yet, e.g. just before their exec;
 * those just after it at once. */
static void open_rest(struct sampler *sampler, uint64_t now, bool asked)
{
	bool due = asked || now >= sampler->next_open;

	for (size_t i = 0; i < sampler->ntargets; i++) {
		struct target *target = sampler->targets[i];

		if (!target->handle && !target->gone && (due || target->replaced))
			target_open(target);
	}
	if (due)
		sampler->next_open = now + OPEN_MS;
}

/* ---- targets that come ------------------------------------------------------- */

size_t sampler_source_of(const struct sampler *sampler, size_t i)
{
	const struct sampler_opts *opts = &sampler->opts;

	return i < opts->ntargets ? opts->first_source + i :
				    opts->first_added + (i - opts->ntargets);
}

/* The figures of all go on while one is sampled: the graph has no holes. */
static void glance_at_all(void *ctx)
{
	struct sampler *sampler = ctx;
	uint64_t now = tm_now_ms();

	if (now < sampler->next_status)
		return;
	for (size_t i = 0; i < sampler->ntargets; i++)
		target_glance(sampler->targets[i]);
	sampler->next_status = now + STATUS_MS;
}

struct target *sampler_target(struct sampler *sampler, size_t i)
{
	struct target *target = tm_calloc(1, sizeof(*target));

	*target = (struct target){
		.feed = &sampler->opts.feed,
		.events = sampler->events,
		.session = sampler->opts.session,
		.index = i,
		.source = sampler_source_of(sampler, i),
		.during_sample = glance_at_all,
		.during_sample_ctx = sampler,
	};
	target_init(target);
	return target;
}

/* Where a new target goes: the place of the child that ended first, if many
 * have ended, or after all others. */
static size_t place_for_another(const struct sampler *sampler)
{
	size_t ngone = 0, first = sampler->ntargets;

	for (size_t i = sampler->opts.nkept; i < sampler->ntargets; i++) {
		if (!sampler->targets[i]->gone)
			continue;
		ngone++;
		if (first == sampler->ntargets || sampler->targets[i]->gone_ms <
						  sampler->targets[first]->gone_ms)
			first = i;
	}
	return ngone > GONE_KEPT ? first : sampler->ntargets;
}

static void grow(struct sampler *sampler)
{
	size_t n = sampler->ntargets + 1;

	sampler->targets = tm_reallocarray(sampler->targets, n,
					 sizeof(*sampler->targets));
	pthread_mutex_lock(&sampler->lock);
	sampler->wishes = tm_reallocarray(sampler->wishes, n,
					sizeof(*sampler->wishes));
	sampler->wishes[n - 1] = (struct wish){ 0 };
	sampler->ntargets = n;
	pthread_mutex_unlock(&sampler->lock);
}

static void look_for_others(struct sampler *sampler)
{
	const struct feed *feed = &sampler->opts.feed;
	struct event *event;
	pid_t pid;
	size_t i;

	while (feed->ops->another) {
		i = place_for_another(sampler);
		pid = feed->ops->another(feed->ctx, i);
		if (!pid)
			break;
		if (i == sampler->ntargets) {
			grow(sampler);
		} else {
			target_close(sampler->targets[i]);
			free(sampler->targets[i]);
		}
		sampler->targets[i] = sampler_target(sampler, i);
		event = event_create(EV_ADDED, sampler->targets[i]->source);
		event->pid = pid;
		queue_push(sampler->events, event);
		target_open(sampler->targets[i]);
	}
}

/* ---- rounds ------------------------------------------------------------------- */

static void read_statuses(struct sampler *sampler)
{
	for (size_t i = 0; i < sampler->ntargets; i++) {
		struct target *target = sampler->targets[i];
		bool before = target->tracing;

		target_status(target);
		/* Tracing was switched on: its table is wanted at once. */
		if (target->tracing && !before)
			sampler->next_sample = 0;
	}
}

void sampler_round(struct sampler *sampler, const struct wish *wishes,
		   uint64_t interval_ms, bool paused, bool asked)
{
	uint64_t now = tm_now_ms();

	open_rest(sampler, now, asked);
	if (wishes)
		asked |= grant(sampler, wishes);
	now = tm_now_ms();
	if (!paused && now >= sampler->next_others) {
		look_for_others(sampler);
		sampler->next_others = now + (interval_ms > OTHERS_MS ?
					      interval_ms : OTHERS_MS);
	}
	if (now >= sampler->next_status) {
		read_statuses(sampler);
		sampler->next_status = now + STATUS_MS;
	}
	if (!asked && (paused || now < sampler->next_sample))
		return;
	sample_all(sampler, interval_ms);
	if (atomic_load(&sampler->give_up)) {
		sampler->next_sample = 0; /* once more, should we go on */
		return;
	}
	sampler->next_sample = now + sampler->effective_ms;
	/* A sample that takes longer than the interval leaves room as well. */
	if (sampler->next_sample < tm_now_ms() + STATUS_MS / 2)
		sampler->next_sample = tm_now_ms() + STATUS_MS / 2;
}
