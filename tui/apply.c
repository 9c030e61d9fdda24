#include "apply.h"

#include <stdio.h>

#include "base/alloc.h"
#include "actions.h"
#include "columns.h"
#include "keys.h"
#include "layout.h"
#include "type_columns.h"

/* ---- of a source ------------------------------------------------------------------- */

/* Source i is another process now, which nobody who looked at the one before means. */
static unsigned leave_source(struct state *state, size_t i)
{
	enum mode *page = state->pages[state->mode]->stays ? &state->mode : &state->back;

	if (state->scope != i)
		return R_DRAW;
	if (*page == MODE_OBJECTS || *page == MODE_HOLDERS || *page == MODE_INSTANCES)
		*page = MODE_TABLE;
	return state_set_scope(state, SCOPE_ALL);
}

static unsigned on_added(struct state *state, const struct event *event)
{
	size_t i = event->source;
	bool replaces = i < state->nsources;

	if (replaces) {
		source_deinit(&state->sources[i]);
	} else {
		state->sources = tm_reallocarray(state->sources, i + 1,
					       sizeof(*state->sources));
		state->nsources = i + 1;
	}
	state->sources[i] = (struct source){ .pid = event->pid, .child = true };
	state_say(state, ROLE_NORMAL, "pid %d has started", (int)event->pid);
	return replaces ? leave_source(state, i) : R_DRAW;
}

static unsigned on_opened(struct state *state, const struct event *event)
{
	struct source *source = &state->sources[event->source];

	source->opened = true;
	source->failure.kind = TM_ERR_NONE;
	source->pid = event->opened.pid;
	snprintf(source->name, sizeof(source->name), "%s", event->opened.command);
	return R_DRAW;
}

static unsigned on_status(struct state *state, const struct event *event)
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

static unsigned on_progress(struct state *state, const struct event *event)
{
	struct source *source = &state->sources[event->source];

	source->sampling = true;
	source->sampled = event->progress.done;
	source->to_sample = event->progress.total;
	return R_DRAW;
}

static unsigned on_sample(struct state *state, struct event *event)
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

static unsigned on_failed(struct state *state, const struct event *event)
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
		/* The next events report how the new program is found. */
		source->failure.kind = TM_ERR_NONE;
	}
	if (source->child && source->gone)
		state_say(state, ROLE_NORMAL, "pid %d has ended", (int)source->pid);
	else if (!event->failed.opening)
		state_say_err(state, &event->failed.err);
	/* A child that has gone leaves the table of all. */
	return source->child && source->gone ? R_DRAW | R_QUERY : R_DRAW;
}

static unsigned on_note(struct state *state, const struct event *event)
{
	snprintf(state->sources[event->source].note,
		 sizeof(state->sources[event->source].note), "%.255s",
		 event->text);
	return R_DRAW;
}

/* The page draws it, be it an error or not. */
static void keep_answer(struct state *state, struct source *source,
			struct answer *answer)
{
	struct answer **kept = &source->answers[answer->request];

	answer_destroy(*kept);
	*kept = tm_memdup(answer, sizeof(*answer));
	*answer = (struct answer){ 0 };
	state_clamp_all(state);
}

static unsigned on_objects(struct state *state, struct event *event)
{
	const struct source *source = &state->sources[state_objects_source(state)];

	const struct objects_answer *answer = &event->objects;

	if (answer->query.about == OBJECTS_RETAINED && !answer->types &&
	    answer->query.objects == state->types.objects) {
		objects_without_retained(state);
		state_say_err(state, &answer->err);
	}
	types_answer(&state->types, &event->objects, source->marked_types);
	state_clamp_all(state);
	return R_DRAW;
}

static unsigned on_done(struct state *state, struct event *event)
{
	struct source *source = &state->sources[event->source];
	struct answer *answer = &event->done;
	const struct ask *ask = &asks[answer->request];
	bool already = ask->already && !answer->control.changed;
	uint64_t n = ask->of == ASK_TRACES ? answer->control.traceback_limit
					   : answer->count;

	if (ask->what) {
		enum request request = answer->request;

		keep_answer(state, source, answer);
		if (request == REQUEST_OBJECTS)
			return event->source == state_objects_source(state) ?
			       state_show_objects(state) : R_DRAW;
	} else if (answer->err.kind != TM_ERR_NONE) {
		state_say_err(state, &answer->err);
	} else {
		source->shown_peak = 0;
		if (ask->done)
			state_say(state, already ? ROLE_WARNING : ROLE_NORMAL,
				  already ? ask->already : ask->done,
				  (int)source->pid, n, n == 1 ? "" : "s");
	}
	return R_DRAW;
}

/* ---- of the view ------------------------------------------------------------------- */

static unsigned on_title(struct state *state, int col)
{
	const struct column *column = columns_at_col(state, col);

	if (!column)
		return 0;
	return column->sort == state->sort ? act_reverse(state) :
					     sort_by(state, column->sort);
}

/* A title of the page of objects, or a row. */
static unsigned on_rows_mouse(struct state *state, const struct event *event)
{
	const struct type_column *column = type_columns_at_col(state, event->mouse.col);
	struct scroll *scroll = &state->scroll[state->mode];
	int line = event->mouse.row - 2;

	if (line == -1 && state->mode == MODE_OBJECTS && column)
		return column->sort == state->types.sort ? objects_reverse(state) :
			objects_sort_by(state, column->sort);
	if (line < 0 || (size_t)line >= state_list_height(state, state->mode))
		return 0;
	scroll->cursor = scroll->top + (size_t)line;
	state_clamp(state, state->mode);
	return event->mouse.button == MOUSE_DOUBLE ? keys_press(state, K_ENTER) : R_DRAW;
}

static unsigned on_mouse(struct state *state, const struct event *event)
{
	struct layout layout = layout_compute(state->rows);
	enum mouse_button button = event->mouse.button;
	int line = event->mouse.row - layout.first;
	struct scroll *scroll = &state->scroll[MODE_TABLE];

	if (button == MOUSE_WHEEL_UP || button == MOUSE_WHEEL_DOWN) {
		if (state->pages[state->mode]->shape != PAGE_LINE)
			state_move(state, state->mode,
				   button == MOUSE_WHEEL_UP ? -3 : 3);
		return R_DRAW;
	}
	if (state->pages[state->mode]->shape == PAGE_ROWS)
		return on_rows_mouse(state, event);
	if (state->mode != MODE_TABLE)
		return 0;
	if (event->mouse.row == layout.title && layout.title >= 0)
		return on_title(state, event->mouse.col);
	if (line < 0 || line >= layout.nrows)
		return 0;
	scroll->cursor = scroll->top + (size_t)line;
	state_clamp(state, MODE_TABLE);
	return button == MOUSE_DOUBLE ? act_detail(state) : R_DRAW;
}

static unsigned on_resize(struct state *state, const struct event *event)
{
	state->rows = event->size.rows;
	state->cols = event->size.cols;
	state_clamp_all(state);
	return R_DRAW;
}

static unsigned on_table(struct state *state, struct event *event)
{
	struct table *table = event->table;
	struct scroll *scroll = &state->scroll[MODE_TABLE];

	event->table = NULL;
	table_put(state->table);
	state->table = table;
	state->computing = false;
	/* The row of before, on the same line of the screen. */
	if (table->follow != TABLE_NO_ROW && scroll->cursor == state->followed) {
		size_t row = state->reverse ? table->nrows - 1 - table->follow :
					      table->follow;
		size_t line = scroll->cursor - scroll->top;

		scroll->cursor = row;
		scroll->top = row > line ? row - line : 0;
	}
	state_clamp(state, MODE_TABLE);
	return R_DRAW;
}

static unsigned on_detail(struct state *state, struct event *event)
{
	if (state_page(state) != MODE_DETAIL)
		return 0;
	detail_destroy(state->detail);
	state->detail = event->detail;
	event->detail = NULL;
	state_clamp(state, MODE_DETAIL);
	return R_DRAW;
}

static unsigned on_exists(struct state *state, const struct event *event)
{
	state->save_overwrite = true;
	state_confirm(state, R_SAVE, "%.200s exists. Replace it?", event->text);
	return R_DRAW;
}

static unsigned on_clock(struct state *state, const struct event *event)
{
	state->now_ms = event->at_ms;
	if (state->message[0] && state->now_ms >= state->message_until_ms) {
		state->message[0] = '\0';
		return R_DRAW;
	}
	return 0;
}

static unsigned apply(struct state *state, struct event *event)
{
	switch (event->kind) {
	case EV_KEY:
		/* A key answers a message, unless it makes a new one. */
		state->message[0] = '\0';
		return keys_press(state, event->key) | R_DRAW;
	case EV_MOUSE:
		return on_mouse(state, event);
	case EV_RESIZE:
		return on_resize(state, event);
	case EV_CLOCK:
		return on_clock(state, event);
	case EV_ADDED:
		return on_added(state, event);
	case EV_OPENED:
		return on_opened(state, event);
	case EV_STATUS:
		return on_status(state, event);
	case EV_PROGRESS:
		return on_progress(state, event);
	case EV_SAMPLE:
		return on_sample(state, event);
	case EV_FAILED:
		return on_failed(state, event);
	case EV_NOTE:
		return on_note(state, event);
	case EV_DONE:
		return on_done(state, event);
	case EV_TABLE:
		return on_table(state, event);
	case EV_DETAIL:
		return on_detail(state, event);
	case EV_OBJECTS:
		return on_objects(state, event);
	case EV_LINES:
		lines_answer(&state->lines, &event->lines);
		return R_DRAW;
	case EV_SAVED:
		state_say(state, ROLE_NORMAL, "saved %s", event->text);
		return R_DRAW;
	case EV_TROUBLE:
		state->computing = false;
		if (!state->table)
			state->refused = event->err;
		state_say_err(state, &event->err);
		return R_DRAW;
	case EV_EXISTS:
		return on_exists(state, event);
	}
	return 0;
}

unsigned state_apply(struct state *state, struct event *event)
{
	unsigned reactions = apply(state, event);

	if (reactions & R_QUERY) {
		bool any = false;

		for (size_t i = 0; i < state->nsources; i++)
			any |= state_in_scope(state, i) && state->sources[i].latest;
		if (any)
			state->computing = true;
		else
			reactions &= ~(unsigned)R_QUERY;
	}
	return reactions;
}
