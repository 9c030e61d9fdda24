#include "state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "layout.h"

#define MESSAGE_MS 6000
/* Deep enough to distinguish callers, and what tracemalloc's manual suggests. */
#define NFRAME_DEFAULT 25

void state_init(struct state *state, const struct state_opts *opts)
{
	*state = (struct state){
		.pages = opts->pages,
		.utf8 = opts->utf8,
		.nsources = opts->nsources,
		.scope = SCOPE_ALL,
		.key = opts->key,
		.cumulative = opts->cumulative, .skip = opts->skip,
		.interval_ms = opts->interval_ms,
		.domain = -1,
		.nframe = NFRAME_DEFAULT,
	};
	state->sources = tm_calloc(opts->nsources, sizeof(*state->sources));
	for (size_t i = 0; i < opts->nfilters; i++)
		filters_add(&state->filters, &opts->filters[i]);
}

void source_deinit(struct source *source)
{
	snap_put(source->latest);
	snap_put(source->marked);
	tm_heap_groups_destroy(source->marked_types);
	for (enum request r = 0; r < REQUEST_COUNT; r++)
		answer_destroy(source->answers[r]);
}

void state_deinit(struct state *state)
{
	for (size_t i = 0; i < state->nsources; i++)
		source_deinit(&state->sources[i]);
	free(state->sources);
	filters_deinit(&state->filters);
	detail_destroy(state->detail);
	types_deinit(&state->types);
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

bool source_is_process(const struct source *source)
{
	return !source->is_file;
}

size_t state_whom(const struct state *state, bool (*is)(const struct source *),
		  char buf[static 32])
{
	size_t n = 0;

	for (size_t i = 0; i < state->nsources; i++) {
		if (!state_in_scope(state, i) || !is(&state->sources[i]))
			continue;
		if (n++ == 0)
			snprintf(buf, 32, "pid %d", (int)state->sources[i].pid);
		else
			snprintf(buf, 32, "%zu processes", n);
	}
	return n;
}

size_t state_list_length(const struct state *state, enum mode mode)
{
	const struct page *page = state->pages[mode];

	return page->length ? page->length(state) : 0;
}

size_t state_list_height(const struct state *state, enum mode mode)
{
	struct layout layout = layout_compute(state->rows);
	enum page_shape shape = state->pages[mode]->shape;

	return (size_t)(shape == PAGE_TABLE ? layout.nrows :
			shape == PAGE_TEXT ? layout.pager_rows :
			shape == PAGE_ROWS ? layout.rows_rows :
			layout.menu_rows);
}

bool state_typed_filter(const struct state *state, struct tm_filter *ret)
{
	if (state->mode != MODE_PROMPT || state->prompt.kind != PROMPT_FILTER ||
	    !filters_parse(state->prompt.text, ret))
		return false;
	if (state->prompt.exclude)
		filters_invert(ret);
	ret->all_frames = state->prompt.all_frames;
	return true;
}

void state_query(struct state *state, struct table_query *ret)
{
	const struct tm_stat *selected = state_selected(state);
	struct tm_filter typed;

	*ret = (struct table_query){
		.key = state->key, .cumulative = state->cumulative, .skip = state->skip,
		.diff = state->diff, .sort = state->sort,
		.domain = state->domain, .nsnaps = state->nsources,
	};
	filters_copy(&ret->filters, &state->filters);
	if (state_typed_filter(state, &typed)) {
		filters_add(&ret->filters, &typed);
		filter_free(&typed);
	}
	ret->newer = tm_calloc(state->nsources, sizeof(struct snap *));
	ret->older = tm_calloc(state->nsources, sizeof(struct snap *));
	for (size_t i = 0; i < state->nsources; i++) {
		if (!state_in_scope(state, i))
			continue;
		ret->newer[i] = snap_get(state->sources[i].latest);
		ret->older[i] = snap_get(state->sources[i].marked);
	}
	/* With the cursor at the top, stay there instead of following the row. */
	state->followed = state->scroll[MODE_TABLE].cursor;
	if (selected && state->followed > 0)
		group_name_init(&ret->follow, selected);
}

/* ---- pages ------------------------------------------------------------------------ */

enum mode state_page(const struct state *state)
{
	return state->pages[state->mode]->stays ? state->mode : state->back;
}

void state_open(struct state *state, enum mode mode)
{
	state->back = state->pages[state->mode]->stays ? state->mode : MODE_TABLE;
	state->mode = mode;
}

void state_prompt(struct state *state, enum prompt_kind kind, const char *text)
{
	struct prompt *prompt = &state->prompt;

	state_open(state, MODE_PROMPT);
	prompt->kind = kind;
	snprintf(prompt->text, sizeof(prompt->text), "%s", text);
	prompt->len = strlen(prompt->text);
}

void state_confirm(struct state *state, unsigned on_yes, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(state->question, sizeof(state->question), format, args);
	va_end(args);
	state->on_yes = on_yes;
	state_open(state, MODE_CONFIRM);
}

/* ---- cursors ---------------------------------------------------------------------- */

void state_clamp(struct state *state, enum mode mode)
{
	struct scroll *scroll = &state->scroll[mode];
	size_t n = state_list_length(state, mode);
	size_t height = state_list_height(state, mode);
	size_t last_top = n > height ? n - height : 0;

	if (state->pages[mode]->shape == PAGE_TEXT) {
		if (scroll->top > last_top)
			scroll->top = last_top;
		scroll->cursor = scroll->top;
		return;
	}
	if (scroll->cursor >= n)
		scroll->cursor = n ? n - 1 : 0;
	if (height && scroll->cursor >= scroll->top + height)
		scroll->top = scroll->cursor - height + 1;
	if (scroll->top > scroll->cursor)
		scroll->top = scroll->cursor;
	if (scroll->top > last_top)
		scroll->top = last_top;
}

void state_clamp_all(struct state *state)
{
	for (enum mode mode = 0; mode < MODE_COUNT; mode++)
		state_clamp(state, mode);
}

static size_t add_clamped(size_t value, int64_t delta)
{
	if (delta < 0 && value < (uint64_t)-delta)
		return 0;
	if (delta > 0 && value > SIZE_MAX - (uint64_t)delta)
		return SIZE_MAX;
	return (size_t)((int64_t)value + delta);
}

void state_move(struct state *state, enum mode mode, int64_t delta)
{
	struct scroll *scroll = &state->scroll[mode];

	if (state->pages[mode]->shape == PAGE_TEXT)
		scroll->top = add_clamped(scroll->top, delta);
	else
		scroll->cursor = add_clamped(scroll->cursor, delta);
	state_clamp(state, mode);
}
