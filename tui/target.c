#include "target.h"

#include <stdio.h>

#include "base/alloc.h"
#include "base/clock.h"

static struct event *new_event(const struct target *target,
			       enum event_kind kind)
{
	struct event *event = event_create(kind, target->source);

	event->at_ms = tm_now_ms();
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
	uint64_t now = tm_now_ms();
	struct event *event;

	if (target->during_sample)
		target->during_sample(target->during_sample_ctx);
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
		target->gone_ms = tm_now_ms();
		target_close(target);
	}
	queue_push(target->events, event);
}

void target_init(struct target *target)
{
	target->session.note = pass_note;
	target->session.note_ctx = target;
	target->session.progress = (struct tm_progress){ pass_progress, target };
}

static void close_any(struct target *target)
{
	if (target->any)
		target->feed->ops->close(target->any);
	target->any = NULL;
}

void target_close(struct target *target)
{
	close_any(target);
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
	target->unknown = !target->handle && (err->kind == TM_ERR_NO_RUNTIME ||
					      err->kind == TM_ERR_UNSUPPORTED);
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

struct event *target_sample(struct target *target, struct tm_family *family)
{
	struct tm_err err = { 0 };
	struct tm_snapshot *snapshot, *once = NULL;
	struct event *event;

	if (!target->handle || !target->tracing || given_up(target))
		return NULL;
	target->sample_began = tm_now_ms();
	snapshot = target->feed->ops->sample(target->handle, family, &once, &err);
	if (!snapshot) {
		if (!given_up(target))
			pass_failure(target, &err, false);
		return NULL;
	}
	event = new_event(target, EV_SAMPLE);
	event->sample.snap = snap_create(snapshot, once);
	event->sample.took_ms = tm_now_ms() - target->sample_began;
	return event;
}

/* ---- requests -------------------------------------------------------------- */

static bool can_ask(const struct target *target, enum ask_of of)
{
	switch (of) {
	case ASK_PROCESS:
		return true;
	case ASK_UNKNOWN:
		return !target->handle && target->unknown;
	case ASK_SESSION:
	case ASK_TRACES:
		break;
	}
	return target->handle != NULL;
}

static struct tm_session *handle_of_any(struct target *target, enum request request,
					struct tm_err *err)
{
	static const struct tm_session_opts opts = { .allow_any = true };
	const struct feed *feed = target->feed;

	if (target->gone)
		tm_err_set(err, TM_ERR_GONE, asks[request].what,
			   "the process is gone");
	else if (!target->any)
		target->any = feed->ops->open(feed->ctx, target->index, &opts, err);
	return target->any;
}

/* The handle to ask; NULL with *err. */
static struct tm_session *handle_for(struct target *target, enum request request,
				     struct tm_err *err)
{
	struct tm_session_opts opts = target->session;

	if (asks[request].of == ASK_PROCESS)
		return handle_of_any(target, request, err);
	/* Not when it was first opened: a process that is about to exec Python
	 * must still be recognised afterwards. */
	opts.allow_native = true;
	if (asks[request].of == ASK_UNKNOWN && !open_as(target, &opts, err) &&
	    err->kind == TM_ERR_UNSUPPORTED) {
		/* A Python that cannot be read: the view has said so. */
		opts.use_recorder = true;
		open_as(target, &opts, err);
	}
	return target->handle;
}

bool target_request(struct target *target, enum request request,
		    uint32_t nframe)
{
	enum ask_of of = asks[request].of;
	struct answer done = { .request = request };
	struct tm_err err = { 0 };
	struct tm_session *handle;
	struct event *event;
	bool ok;

	if (!can_ask(target, of))
		return false;
	handle = handle_for(target, request, &err);
	if (handle && of == ASK_UNKNOWN)
		done.request = REQUEST_START;
	ok = handle && target->feed->ops->ask(handle, done.request, nframe,
					      &done, &err);
	if (!ok) /* on success, err may hold an earlier attempt's */
		done.err = err;
	event = new_event(target, EV_DONE);
	event->done = done;
	queue_push(target->events, event);
	if (handle && !ok && of == ASK_PROCESS)
		close_any(target); /* it may be another program by now */
	if (!handle || of == ASK_PROCESS)
		return false;
	if (done.err.kind == TM_ERR_GONE)
		pass_failure(target, &done.err, false);
	else
		target_status(target);
	return ok && asks[done.request].of == ASK_TRACES;
}
