#include "sampler.h"

#include <pthread.h>
#include <time.h>

#include "xalloc.h"

#define STATUS_MS 250
/* A sample may stop the target for at most this part of the time. */
#define PAUSE_SHARE 100

struct target {
	void *handle;   /* NULL: not attached */
	bool gone;      /* for good */
	bool tracing;
	bool reset;     /* its peak is to be reset */
};

struct sampler {
	struct sampler_opts opts;
	struct queue *events;
	pthread_t thread;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t wake;  /* the sampler has something to do */
	pthread_cond_t idle;  /* no call is under way */
	uint64_t interval_ms;
	bool paused, now, stop, hold, busy, reset_any;

	struct target *targets; /* `reset` under the lock, else the thread's */
	uint64_t effective_ms;
	uint64_t next_status, next_sample;
	size_t noting;          /* whom a remark is about */
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static struct event *new_event(struct sampler *sampler, enum event_kind kind,
			       size_t i)
{
	struct event *event = event_create(kind, sampler->opts.first_source + i);

	event->at_ms = now_ms();
	return event;
}

static void pass_note(void *ctx, const char *text)
{
	struct sampler *sampler = ctx;
	struct event *event = new_event(sampler, EV_NOTE, sampler->noting);

	snprintf(event->text, sizeof(event->text), "%s", text);
	queue_push(sampler->events, event);
}

static void pass_failure(struct sampler *sampler, size_t i,
			 const struct tm_err *err, bool opening)
{
	struct event *event = new_event(sampler, EV_FAILED, i);
	struct target *target = &sampler->targets[i];

	event->failed.err = *err;
	event->failed.opening = opening;
	event->failed.fatal = err->kind == TM_ERR_GONE ||
			      (opening && err->kind == TM_ERR_DENIED);
	if (event->failed.fatal) {
		target->gone = true;
		if (target->handle)
			sampler->opts.feed.ops->close(target->handle);
		target->handle = NULL;
	}
	queue_push(sampler->events, event);
}

static void open_target(struct sampler *sampler, size_t i)
{
	const struct feed_ops *ops = sampler->opts.feed.ops;
	struct target *target = &sampler->targets[i];
	struct tm_err err = { 0 };
	struct event *event;

	sampler->noting = i;
	target->handle = ops->open(sampler->opts.feed.ctx, i,
				   &sampler->opts.session, &err);
	if (!target->handle) {
		pass_failure(sampler, i, &err, true);
		return;
	}
	event = new_event(sampler, EV_OPENED, i);
	event->opened.pid = ops->pid(target->handle);
	snprintf(event->opened.command, sizeof(event->opened.command), "%s",
		 ops->command(target->handle));
	queue_push(sampler->events, event);
}

static void read_status(struct sampler *sampler, size_t i)
{
	struct target *target = &sampler->targets[i];
	struct tm_err err = { 0 };
	struct tm_status status;
	struct event *event;

	if (!target->handle)
		return;
	if (!sampler->opts.feed.ops->status(target->handle, &status, &err)) {
		pass_failure(sampler, i, &err, false);
		return;
	}
	target->tracing = status.tracing == TM_TRACING_ON;
	event = new_event(sampler, EV_STATUS, i);
	event->status = status;
	queue_push(sampler->events, event);
}

/* Returns how long the target stood still, in ms rounded up. */
static uint64_t take_sample(struct sampler *sampler, size_t i,
			    struct event **ret)
{
	struct target *target = &sampler->targets[i];
	struct tm_err err = { 0 };
	uint64_t start = now_ms();
	struct tm_snapshot *snapshot;
	uint64_t pause_ns;

	*ret = NULL;
	if (!target->handle || !target->tracing)
		return 0;
	sampler->noting = i;
	snapshot = sampler->opts.feed.ops->sample(target->handle, &err);
	if (!snapshot) {
		pass_failure(sampler, i, &err, false);
		return 0;
	}
	pause_ns = snapshot->meta.pause_ns;
	*ret = new_event(sampler, EV_SAMPLE, i);
	(*ret)->sample.snap = snap_create(snapshot);
	(*ret)->sample.took_ms = now_ms() - start;
	return (pause_ns + 999999) / 1000000 > 1 ? pause_ns / 1000000 :
	       pause_ns > 0;
}

static void sample_all(struct sampler *sampler, uint64_t interval_ms)
{
	struct event *last = NULL;
	uint64_t longest = 0;

	for (size_t i = 0; i < sampler->opts.ntargets; i++) {
		struct event *event;
		uint64_t pause = take_sample(sampler, i, &event);

		longest = pause > longest ? pause : longest;
		if (!event)
			continue;
		if (last)
			queue_push(sampler->events, last);
		last = event;
	}
	sampler->effective_ms = interval_ms;
	if (longest * PAUSE_SHARE > interval_ms)
		sampler->effective_ms = longest * PAUSE_SHARE;
	if (!last)
		return;
	last->sample.interval_ms = sampler->effective_ms;
	last->sample.round_done = true;
	queue_push(sampler->events, last);
}

static void reset_peaks(struct sampler *sampler, const bool *wanted)
{
	for (size_t i = 0; i < sampler->opts.ntargets; i++) {
		struct target *target = &sampler->targets[i];
		struct tm_err err = { 0 };

		if (!wanted[i] || !target->handle)
			continue;
		if (!sampler->opts.feed.ops->reset_peak(target->handle, &err)) {
			pass_failure(sampler, i, &err, false);
			continue;
		}
		queue_push(sampler->events, new_event(sampler, EV_RESET, i));
		read_status(sampler, i);
	}
}

/* Processes that could not be attached to yet, e.g. just before their exec. */
static void open_rest(struct sampler *sampler)
{
	for (size_t i = 0; i < sampler->opts.ntargets; i++)
		if (!sampler->targets[i].handle && !sampler->targets[i].gone)
			open_target(sampler, i);
}

static bool any_tracing_unsampled(const struct sampler *sampler,
				  const bool *before)
{
	for (size_t i = 0; i < sampler->opts.ntargets; i++)
		if (sampler->targets[i].tracing && !before[i])
			return true;
	return false;
}

static void read_statuses(struct sampler *sampler)
{
	bool *before = xcalloc(sampler->opts.ntargets, sizeof(*before));

	for (size_t i = 0; i < sampler->opts.ntargets; i++) {
		before[i] = sampler->targets[i].tracing;
		read_status(sampler, i);
	}
	/* Tracing was switched on: its table is wanted at once. */
	if (any_tracing_unsampled(sampler, before))
		sampler->next_sample = 0;
	free(before);
}

static void work(struct sampler *sampler, const bool *resets,
		 uint64_t interval_ms, bool paused, bool asked)
{
	uint64_t now = now_ms();

	if (resets)
		reset_peaks(sampler, resets);
	if (now >= sampler->next_status) {
		read_statuses(sampler);
		sampler->next_status = now + STATUS_MS;
	}
	if (!asked && (paused || now < sampler->next_sample))
		return;
	open_rest(sampler);
	sample_all(sampler, interval_ms);
	sampler->next_sample = now + sampler->effective_ms;
	/* A sample that takes longer than the interval leaves room as well. */
	if (sampler->next_sample < now_ms() + STATUS_MS / 2)
		sampler->next_sample = now_ms() + STATUS_MS / 2;
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
	       (!sampler->now && !sampler->reset_any && now_ms() < until)))
		if (sampler->hold)
			pthread_cond_wait(&sampler->wake, &sampler->lock);
		else
			pthread_cond_timedwait(&sampler->wake, &sampler->lock, &ts);
}

/* Take the requests, under the lock. Returns the peaks to reset, or NULL. */
static bool *take_resets(struct sampler *sampler)
{
	bool *resets;

	if (!sampler->reset_any)
		return NULL;
	resets = xcalloc(sampler->opts.ntargets, sizeof(*resets));
	for (size_t i = 0; i < sampler->opts.ntargets; i++) {
		resets[i] = sampler->targets[i].reset;
		sampler->targets[i].reset = false;
	}
	sampler->reset_any = false;
	return resets;
}

static void close_all(struct sampler *sampler)
{
	for (size_t i = 0; i < sampler->opts.ntargets; i++)
		if (sampler->targets[i].handle)
			sampler->opts.feed.ops->close(sampler->targets[i].handle);
}

static void *sampler_main(void *arg)
{
	struct sampler *sampler = arg;

	pthread_mutex_lock(&sampler->lock);
	for (;;) {
		bool *resets;
		bool paused = sampler->paused, asked = sampler->now;
		uint64_t interval_ms = sampler->interval_ms;

		if (sampler->stop)
			break;
		resets = take_resets(sampler);
		sampler->now = false;
		sampler->busy = true;
		pthread_mutex_unlock(&sampler->lock);
		if (sampler->next_status == 0)
			open_rest(sampler);
		work(sampler, resets, interval_ms, paused, asked);
		free(resets);
		pthread_mutex_lock(&sampler->lock);
		sampler->busy = false;
		pthread_cond_broadcast(&sampler->idle);
		wait_for_work(sampler);
	}
	pthread_mutex_unlock(&sampler->lock);
	close_all(sampler);
	return NULL;
}

struct sampler *sampler_create(const struct sampler_opts *opts,
			       struct queue *events)
{
	struct sampler *sampler = xcalloc(1, sizeof(*sampler));
	pthread_condattr_t attr;

	sampler->opts = *opts;
	sampler->opts.session.note = pass_note;
	sampler->opts.session.note_ctx = sampler;
	sampler->opts.session.progress = (struct tm_progress){ 0 };
	sampler->events = events;
	sampler->interval_ms = opts->interval_ms;
	sampler->targets = xcalloc(opts->ntargets, sizeof(*sampler->targets));
	pthread_mutex_init(&sampler->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sampler->wake, &attr);
	pthread_cond_init(&sampler->idle, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&sampler->thread, NULL, sampler_main, sampler) == 0)
		return sampler;
	free(sampler->targets);
	free(sampler);
	return NULL;
}

void sampler_destroy(struct sampler *sampler)
{
	if (!sampler)
		return;
	pthread_mutex_lock(&sampler->lock);
	sampler->stop = true;
	pthread_cond_signal(&sampler->wake);
	pthread_mutex_unlock(&sampler->lock);
	pthread_join(sampler->thread, NULL);
	pthread_mutex_destroy(&sampler->lock);
	pthread_cond_destroy(&sampler->wake);
	pthread_cond_destroy(&sampler->idle);
	free(sampler->targets);
	free(sampler);
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

void sampler_reset_peak(struct sampler *sampler, size_t source)
{
	pthread_mutex_lock(&sampler->lock);
	for (size_t i = 0; i < sampler->opts.ntargets; i++)
		if (source == SIZE_MAX || source == sampler->opts.first_source + i)
			sampler->targets[i].reset = true;
	sampler->reset_any = true;
	pthread_cond_signal(&sampler->wake);
	pthread_mutex_unlock(&sampler->lock);
}

void sampler_hold(struct sampler *sampler)
{
	pthread_mutex_lock(&sampler->lock);
	sampler->hold = true;
	while (sampler->busy)
		pthread_cond_wait(&sampler->idle, &sampler->lock);
	pthread_mutex_unlock(&sampler->lock);
}

void sampler_release(struct sampler *sampler)
{
	pthread_mutex_lock(&sampler->lock);
	sampler->hold = false;
	pthread_cond_signal(&sampler->wake);
	pthread_mutex_unlock(&sampler->lock);
}
