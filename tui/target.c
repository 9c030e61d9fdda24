#include "target.h"

#include "clock.h"
#include "thread_page.h"
#include "xalloc.h"

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static struct event *new_event(const struct target *target,
			       enum event_kind kind)
{
	struct event *event = event_create(kind, target->source);

	event->at_ms = now_ms();
	return event;
}

static void pass_note(void *ctx, const char *text)
{
	struct target *target = ctx;
	struct event *event = new_event(target, EV_NOTE);

	snprintf(event->text, sizeof(event->text), "%s", text);
	queue_push(target->events, event);
}

/* A sample is talked about when it takes longer than a blink. */
#define LONG_MS 300
#define PROGRESS_MS 100

/* On the thread that reads, while the sampler's own waits for it. */
static void pass_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct target *target = ctx;
	uint64_t now = now_ms();
	struct event *event;

	if (target->meanwhile)
		target->meanwhile(target->meanwhile_ctx);
	if (now < target->sample_began + LONG_MS || now < target->next_progress)
		return;
	target->next_progress = now + PROGRESS_MS;
	event = new_event(target, EV_PROGRESS);
	event->progress.done = done;
	event->progress.total = total;
	queue_push(target->events, event);
}

static void pass_failure(struct target *target, const struct tm_err *err,
			 bool opening)
{
	struct event *event = new_event(target, EV_FAILED);

	event->failed.err = *err;
	event->failed.opening = opening;
	event->failed.replaced = err->kind == TM_ERR_GONE && target->handle &&
				 target->feed->ops->replaced(target->handle);
	event->failed.fatal = !event->failed.replaced &&
			      (err->kind == TM_ERR_GONE ||
			       (opening && err->kind == TM_ERR_DENIED));
	if (event->failed.replaced) {
		target->replaced = true;
		target_close(target);
	}
	if (event->failed.fatal) {
		target->gone = true;
		target->gone_ns = now_ns();
		target_close(target);
	}
	queue_push(target->events, event);
}

void target_init(struct target *target, const struct target *model)
{
	*target = *model;
	target->session.note = pass_note;
	target->session.note_ctx = target;
	target->session.progress = (struct tm_progress){ pass_progress, target };
}

static void close_threads(struct target *target)
{
	if (target->threads)
		target->feed->ops->close_threads(target->threads);
	target->threads = NULL;
}

void target_close(struct target *target)
{
	close_threads(target);
	if (target->handle)
		target->feed->ops->close(target->handle);
	target->handle = NULL;
	target->tracing = false;
}

static bool open_as(struct target *target, const struct tm_session_opts *opts,
		    struct tm_err *err)
{
	const struct feed_ops *ops = target->feed->ops;
	struct event *event;

	target->replaced = false;
	target->handle = ops->open(target->feed->ctx, target->index, opts, err);
	target->unknown = !target->handle && err->kind == TM_ERR_UNSUPPORTED;
	if (!target->handle)
		return false;
	event = new_event(target, EV_OPENED);
	event->opened.pid = ops->pid(target->handle);
	snprintf(event->opened.command, sizeof(event->opened.command), "%s",
		 ops->command(target->handle));
	queue_push(target->events, event);
	return true;
}

void target_open(struct target *target)
{
	struct tm_err err = { 0 };

	if (!open_as(target, &target->session, &err))
		pass_failure(target, &err, true);
}

static void pass_status(struct target *target, const struct tm_status *status)
{
	struct event *event = new_event(target, EV_STATUS);

	event->status = *status;
	queue_push(target->events, event);
}

void target_status(struct target *target)
{
	struct tm_err err = { 0 };
	struct tm_status status;

	if (!target->handle)
		return;
	if (!target->feed->ops->status(target->handle, &status, &err)) {
		pass_failure(target, &err, false);
		return;
	}
	target->tracing = status.tracing == TM_TRACING_ON;
	pass_status(target, &status);
}

void target_glance(struct target *target)
{
	struct tm_err err = { 0 };
	struct tm_status status;

	if (target->handle &&
	    target->feed->ops->status(target->handle, &status, &err))
		pass_status(target, &status);
}

static bool given_up(const struct target *target)
{
	const struct tm_session_opts *session = &target->session;

	return session->give_up && session->give_up(session->give_up_ctx);
}

struct event *target_sample(struct target *target)
{
	struct tm_err err = { 0 };
	struct tm_snapshot *snapshot;
	struct event *event;

	if (!target->handle || !target->tracing || given_up(target))
		return NULL;
	target->sample_began = now_ms();
	snapshot = target->feed->ops->sample(target->handle, &err);
	if (!snapshot) {
		if (!given_up(target))
			pass_failure(target, &err, false);
		return NULL;
	}
	event = new_event(target, EV_SAMPLE);
	event->sample.snap = snap_create(snapshot);
	event->sample.took_ms = now_ms() - target->sample_began;
	return event;
}

/* ---- requests -------------------------------------------------------------- */

static struct tm_threads *sample_threads(struct target *target,
					 struct tm_err *err)
{
	const struct feed_ops *ops = target->feed->ops;
	struct tm_threads *threads;

	if (target->gone) {
		tm_err_set(err, TM_ERR_GONE, "threads", "the process is gone");
		return NULL;
	}
	if (!target->threads)
		target->threads = ops->open_threads(target->feed->ctx,
						    target->index, err);
	if (!target->threads)
		return NULL;
	threads = ops->threads(target->threads, err);
	if (!threads)
		close_threads(target); /* it may be another program by now */
	return threads;
}

static void request_threads(struct target *target)
{
	struct event *event = new_event(target, EV_THREADS);
	struct tm_threads *threads = sample_threads(target, &event->threads.err);

	if (threads)
		event->threads.page = thread_page_create(threads);
	queue_push(target->events, event);
}

/* Only now, and not when it was opened first: what is no Python yet, before
 * its exec, should become one that is known. */
static bool request_record(struct target *target, uint32_t nframe)
{
	struct tm_session_opts opts = target->session;
	struct tm_err err = { 0 };
	struct event *event;

	if (target->handle || !target->unknown)
		return false;
	opts.native_too = true;
	if (open_as(target, &opts, &err))
		return target_request(target, REQUEST_START, nframe);
	event = new_event(target, EV_DONE);
	event->done.request = REQUEST_RECORD;
	event->done.err = err;
	queue_push(target->events, event);
	return false;
}

bool target_request(struct target *target, enum request request,
		    uint32_t nframe)
{
	struct tm_err err = { 0 };
	struct event *event;

	if (request == REQUEST_THREADS) {
		request_threads(target);
		return false;
	}
	if (request == REQUEST_RECORD)
		return request_record(target, nframe);
	if (!target->handle)
		return false;
	event = new_event(target, EV_DONE);
	event->done.request = request;
	if (!target->feed->ops->control(target->handle, request, nframe,
					&event->done.control, &err))
		event->done.err = err;
	queue_push(target->events, event);
	if (err.kind == TM_ERR_GONE) {
		pass_failure(target, &err, false);
		return false;
	}
	target_status(target);
	return err.kind == TM_ERR_NONE && request != REQUEST_RESET_PEAK;
}
