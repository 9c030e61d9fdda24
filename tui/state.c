#include "state.h"

#include <stdarg.h>
#include <stdio.h>

#include "actions.h"
#include "columns.h"
#include "keys.h"
#include "layout.h"
#include "state_target.h"
#include "view.h"
#include "xalloc.h"

#define MESSAGE_MS 6000
/* Deep enough to tell callers apart, and what tracemalloc's manual suggests. */
#define NFRAME_DEFAULT 25

void state_init(struct state *state, const struct state_opts *opts)
{
	*state = (struct state){
		.utf8 = opts->utf8,
		.nsources = opts->nsources,
		.scope = SCOPE_ALL,
		.key = opts->key,
		.cumulative = opts->cumulative,
		.interval_ms = opts->interval_ms,
		.domain = -1,
		.nframe = NFRAME_DEFAULT,
	};
	state->sources = xcalloc(opts->nsources, sizeof(*state->sources));
	for (size_t i = 0; i < opts->nfilters; i++)
		filters_add(&state->filters, &opts->filters[i]);
}

void state_deinit(struct state *state)
{
	for (size_t i = 0; i < state->nsources; i++)
		source_deinit(&state->sources[i]);
	free(state->sources);
	filters_deinit(&state->filters);
	detail_destroy(state->detail);
	table_put(state->table);
	lines_deinit(&state->lines);
}

void state_say(struct state *state, enum role role, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(state->message, sizeof(state->message), format, args);
	va_end(args);
	state->message_role = role;
	state->message_until_ms = state->now_ms + MESSAGE_MS;
}

void state_say_err(struct state *state, const struct tm_err *err)
{
	bool hint = err->hint[0] != '\0';

	state_say(state, ROLE_ERROR, "%.300s: %.480s%s%.200s", err->object,
		  err->cause, hint ? "; " : "", err->hint);
}

/* ---- questions about the state ------------------------------------------------- */

static bool any_runs(const struct state *state)
{
	for (size_t i = 0; i < state->nsources; i++)
		if (!state->sources[i].is_file && !state->sources[i].gone)
			return true;
	return false;
}

bool state_in_scope(const struct state *state, size_t i)
{
	const struct source *source = &state->sources[i];

	if (state->scope != SCOPE_ALL)
		return state->scope == i;
	return !source->child || !source->gone || !any_runs(state);
}

bool state_is_offline(const struct state *state)
{
	for (size_t i = 0; i < state->nsources; i++)
		if (!state->sources[i].is_file)
			return false;
	return true;
}

bool state_has_mark(const struct state *state)
{
	for (size_t i = 0; i < state->nsources; i++)
		if (state_in_scope(state, i) && state->sources[i].marked)
			return true;
	return false;
}

const struct tm_stat *state_selected(const struct state *state)
{
	size_t cursor = state->scroll[MODE_TABLE].cursor;

	if (!state->table || cursor >= state->table->nrows)
		return NULL;
	return table_row(state->table, cursor, state->reverse);
}

bool state_is_pager(enum mode mode)
{
	return mode == MODE_DETAIL || mode == MODE_THREADS || mode == MODE_HELP;
}

enum mode state_back_of(enum mode mode)
{
	return mode == MODE_DETAIL || mode == MODE_THREADS ? mode : MODE_TABLE;
}

void state_whom(const struct state *state, char buf[static 32])
{
	size_t n = 0;

	for (size_t i = 0; i < state->nsources; i++) {
		const struct source *source = &state->sources[i];

		if (source->is_file || !state_in_scope(state, i))
			continue;
		if (n++ == 0)
			snprintf(buf, 32, "pid %d", (int)source->pid);
		else
			snprintf(buf, 32, "%zu processes", n);
	}
}

size_t state_list_length(const struct state *state, enum mode mode)
{
	switch (mode) {
	case MODE_TABLE:
		return state->table ? state->table->nrows : 0;
	case MODE_DETAIL:
		return state->detail ? detail_nlines(state->detail) : 0;
	case MODE_THREADS:
		return view_threads_length(state);
	case MODE_HELP:
		return view_help_length();
	case MODE_FILTERS:
		return state->filters.n;
	case MODE_SORT:
		return columns_menu_length();
	case MODE_TRACING:
		return tracing_action_count();
	case MODE_PROMPT:
	case MODE_CONFIRM:
	case MODE_COUNT:
		break;
	}
	return 0;
}

size_t state_list_height(const struct state *state, enum mode mode)
{
	struct layout layout = layout_compute(state->rows);
	int height = layout.nrows;

	if (state_is_pager(mode))
		height = layout.pager_rows;
	else if (mode != MODE_TABLE)
		height = layout.menu_rows;
	return height > 0 ? (size_t)height : 0;
}

void state_query(struct state *state, struct table_query *ret)
{
	const struct tm_stat *selected = state_selected(state);
	struct tm_filter typed;

	*ret = (struct table_query){
		.key = state->key, .cumulative = state->cumulative,
		.diff = state->diff, .sort = state->sort,
		.domain = state->domain, .nsnaps = state->nsources,
	};
	filters_copy(&ret->filters, &state->filters);
	if (prompt_filter(state, &typed)) {
		filters_add(&ret->filters, &typed);
		free((char *)typed.pattern.bytes);
	}
	ret->newer = xcalloc(state->nsources, sizeof(struct snap *));
	ret->older = xcalloc(state->nsources, sizeof(struct snap *));
	for (size_t i = 0; i < state->nsources; i++) {
		if (!state_in_scope(state, i))
			continue;
		ret->newer[i] = snap_get(state->sources[i].latest);
		ret->older[i] = snap_get(state->sources[i].marked);
	}
	/* At the top one wants to see what is at the top. */
	state->followed = state->scroll[MODE_TABLE].cursor;
	if (selected && state->followed > 0)
		group_name_init(&ret->follow, selected);
}

/* ---- events ---------------------------------------------------------------------- */

static unsigned on_mouse(struct state *state, const struct event *event)
{
	struct layout layout = layout_compute(state->rows);
	int line = event->mouse.row - layout.first;
	struct scroll *scroll = &state->scroll[MODE_TABLE];

	if (event->mouse.button == MOUSE_WHEEL_UP ||
	    event->mouse.button == MOUSE_WHEEL_DOWN) {
		if (state->mode != MODE_PROMPT && state->mode != MODE_CONFIRM)
			move_by(state, state->mode,
				event->mouse.button == MOUSE_WHEEL_UP ? -3 : 3);
		return R_DRAW;
	}
	if (state->mode != MODE_TABLE)
		return 0;
	if (event->mouse.row == layout.title && layout.title >= 0) {
		int column = columns_at_col(state, event->mouse.col);

		if (column < 0)
			return 0;
		if (columns_at((size_t)column)->sort == state->sort)
			return act_reverse(state);
		state->sort = columns_at((size_t)column)->sort;
		state->reverse = false;
		return R_DRAW | R_QUERY;
	}
	if (line < 0 || line >= layout.nrows)
		return 0;
	scroll->cursor = scroll->top + (size_t)line;
	move_clamp(state, MODE_TABLE);
	return event->mouse.button == MOUSE_DOUBLE ? act_detail(state) : R_DRAW;
}

static unsigned on_resize(struct state *state, const struct event *event)
{
	state->rows = event->size.rows;
	state->cols = event->size.cols;
	for (enum mode mode = MODE_TABLE; mode < MODE_COUNT; mode++)
		move_clamp(state, mode);
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
	move_clamp(state, MODE_TABLE);
	return R_DRAW;
}

static unsigned on_detail(struct state *state, struct event *event)
{
	if (state->mode != MODE_DETAIL && state->mode != MODE_HELP)
		return 0;
	detail_destroy(state->detail);
	state->detail = event->detail;
	event->detail = NULL;
	move_clamp(state, MODE_DETAIL);
	return R_DRAW;
}

static unsigned on_exists(struct state *state, const struct event *event)
{
	snprintf(state->question, sizeof(state->question),
		 "%.200s exists. Replace it?", event->text);
	state->on_yes = R_SAVE;
	state->save_overwrite = true;
	state->back = state_back_of(state->mode);
	state->mode = MODE_CONFIRM;
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
		return source_added(state, event);
	case EV_OPENED:
		return source_opened(state, event);
	case EV_STATUS:
		return source_status(state, event);
	case EV_PROGRESS:
		return source_progress(state, event);
	case EV_SAMPLE:
		return source_sample(state, event);
	case EV_FAILED:
		return source_failed(state, event);
	case EV_NOTE:
		return source_note(state, event);
	case EV_DONE:
		return source_done(state, event);
	case EV_THREADS:
		return source_threads(state, event);
	case EV_TABLE:
		return on_table(state, event);
	case EV_DETAIL:
		return on_detail(state, event);
	case EV_LINES:
		lines_answer(&state->lines, &event->lines);
		return R_DRAW;
	case EV_SAVED:
		state_say(state, ROLE_NORMAL, "saved %s", event->text);
		return R_DRAW;
	case EV_TROUBLE:
		state->computing = false;
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
