#include "state_target.h"

#include <inttypes.h>
#include <stdio.h>

#include "actions.h"
#include "xalloc.h"

void source_deinit(struct source *source)
{
	snap_put(source->latest);
	snap_put(source->marked);
	thread_page_destroy(source->threads);
}

unsigned source_added(struct state *state, const struct event *event)
{
	size_t i = event->source;

	if (i < state->nsources) {
		source_deinit(&state->sources[i]);
		/* Whoever looked at the one before does not mean this one. */
		if (state->scope == i)
			state->scope = SCOPE_ALL;
	} else {
		state->sources = xreallocarray(state->sources, i + 1,
					       sizeof(*state->sources));
		state->nsources = i + 1;
	}
	state->sources[i] = (struct source){ .pid = event->pid, .child = true };
	state_say(state, ROLE_NORMAL, "pid %d has started", (int)event->pid);
	return R_DRAW;
}

unsigned source_opened(struct state *state, const struct event *event)
{
	struct source *source = &state->sources[event->source];

	source->opened = true;
	source->failure.kind = TM_ERR_NONE;
	source->pid = event->opened.pid;
	snprintf(source->name, sizeof(source->name), "%s", event->opened.command);
	return R_DRAW;
}

unsigned source_status(struct state *state, const struct event *event)
{
	struct source *source = &state->sources[event->source];

	source->status = event->status;
	source->has_status = true;
	source->failure.kind = TM_ERR_NONE;
	if (event->status.traced_peak > source->shown_peak)
		source->shown_peak = event->status.traced_peak;
	if (event->status.tracing == TM_TRACING_ON &&
	    event->status.traceback_limit > 0)
		state->nframe = event->status.traceback_limit;
	history_add(&source->history, event->at_ms, event->status.traced_current);
	return R_DRAW;
}

unsigned source_progress(struct state *state, const struct event *event)
{
	struct source *source = &state->sources[event->source];

	source->sampling = true;
	source->sampled = event->progress.done;
	source->to_sample = event->progress.total;
	return R_DRAW;
}

unsigned source_sample(struct state *state, struct event *event)
{
	struct source *source = &state->sources[event->source];

	snap_put(source->latest);
	source->latest = event->sample.snap;
	event->sample.snap = NULL;
	source->took_ms = event->sample.took_ms;
	source->sampling = source->replaced = false;
	source->failure.kind = TM_ERR_NONE;
	if (!event->sample.round_done)
		return 0;
	state->effective_ms = event->sample.interval_ms;
	return R_DRAW | R_QUERY;
}

unsigned source_failed(struct state *state, const struct event *event)
{
	struct source *source = &state->sources[event->source];

	source->failure = event->failed.err;
	source->sampling = false;
	if (event->failed.fatal)
		source->gone = true;
	if (event->failed.replaced) {
		source->replaced = true;
		source->opened = source->has_status = false;
		source->shown_peak = 0;
		/* What follows tells how the new program is found. */
		source->failure.kind = TM_ERR_NONE;
	}
	if (source->child && source->gone)
		state_say(state, ROLE_NORMAL, "pid %d has ended", (int)source->pid);
	else if (!event->failed.opening)
		state_say_err(state, &event->failed.err);
	/* A child that has gone leaves the table of all. */
	return source->child && source->gone ? R_DRAW | R_QUERY : R_DRAW;
}

unsigned source_note(struct state *state, const struct event *event)
{
	snprintf(state->sources[event->source].note,
		 sizeof(state->sources[event->source].note), "%.255s",
		 event->text);
	return R_DRAW;
}

static void say_tracing(struct state *state, pid_t pid,
			const struct tm_control *control)
{
	state_say(state, control->changed ? ROLE_NORMAL : ROLE_WARNING,
		  "pid %d %s tracing%s, up to %" PRIu32 " frame%s a traceback",
		  (int)pid, control->changed ? "is" : "was",
		  control->changed ? "" : " already", control->traceback_limit,
		  control->traceback_limit == 1 ? "" : "s");
}

unsigned source_done(struct state *state, const struct event *event)
{
	struct source *source = &state->sources[event->source];
	const struct tm_control *control = &event->done.control;

	if (event->done.err.kind != TM_ERR_NONE) {
		state_say_err(state, &event->done.err);
		return R_DRAW;
	}
	source->shown_peak = 0;
	switch (event->done.request) {
	case REQUEST_RESET_PEAK:
		state_say(state, ROLE_NORMAL, "pid %d: the peak was reset",
			  (int)source->pid);
		break;
	case REQUEST_START:
		say_tracing(state, source->pid, control);
		break;
	case REQUEST_CLEAR:
		state_say(state, ROLE_NORMAL, "pid %d: the traces were cleared",
			  (int)source->pid);
		break;
	case REQUEST_STOP:
		state_say(state, control->changed ? ROLE_NORMAL : ROLE_WARNING,
			  control->changed ? "pid %d: tracing was stopped" :
			  "pid %d was not tracing", (int)source->pid);
		break;
	case REQUEST_RECORD: /* it failed; else REQUEST_START answers */
	case REQUEST_THREADS:
	case REQUEST_COUNT:
		break;
	}
	return R_DRAW;
}

unsigned source_threads(struct state *state, struct event *event)
{
	struct source *source = &state->sources[event->source];

	thread_page_destroy(source->threads);
	source->threads = event->threads.page;
	event->threads.page = NULL;
	source->threads_failure = event->threads.err;
	move_clamp(state, MODE_THREADS);
	return R_DRAW;
}
