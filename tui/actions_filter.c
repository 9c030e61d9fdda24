#include <stdlib.h>

#include "base/alloc.h"
#include "actions.h"

static unsigned filters_changed(struct state *state)
{
	state->scroll[MODE_TABLE] = (struct scroll){ 0 };
	return R_DRAW | R_QUERY;
}

unsigned act_filter(struct state *state)
{
	if (state->mode == MODE_OBJECTS)
		return objects_filter(state);
	state->prompt.exclude = state->prompt.all_frames = false;
	state_prompt(state, PROMPT_FILTER, "");
	return R_DRAW;
}

/* A trace passes if it passes one of the including filters: beside another
 * one, this row would not be the only one left. */
static void drop_includes(struct filters *filters)
{
	for (size_t i = filters->n; i-- > 0;)
		if (filters->items[i].inclusive)
			filters_remove(filters, i);
}

static unsigned filter_row(struct state *state, bool inclusive)
{
	const struct tm_stat *stat = state_selected(state);
	struct tm_filter filter = { .inclusive = inclusive };
	struct tm_frame_view frame;
	char *said;

	if (!stat || tm_stat_nframe(stat) == 0)
		return R_DRAW;
	if (state->key == TM_KEY_THREAD) {
		state_say(state, ROLE_ERROR, "filters are of files and functions, not of "
			  "threads: Enter shows what a thread has");
		return R_DRAW;
	}
	/* The frame that filters look at: tracemalloc's at the most recent. */
	frame = tm_stat_frame(stat, stat->key != TM_KEY_TRACEBACK ? 0
			      : tm_traceback_acting(stat->snapshot, stat->group));
	filter.pattern.bytes = filters_literal(frame.filename,
					       &filter.pattern.len);
	filter.has_lineno = state->key != TM_KEY_FILENAME && frame.lineno != 0;
	filter.lineno = frame.lineno;
	/* A cumulative row represents traces in which it is any frame. */
	filter.all_frames = state->cumulative;
	if (inclusive)
		drop_includes(&state->filters);
	filters_add(&state->filters, &filter);
	filter_free(&filter);
	said = filters_describe(&state->filters.items[state->filters.n - 1]);
	state_say(state, ROLE_NORMAL, "%s", said);
	free(said);
	return filters_changed(state);
}

unsigned act_include_row(struct state *state)
{
	return filter_row(state, true);
}

unsigned act_exclude_row(struct state *state)
{
	return filter_row(state, false);
}

unsigned act_filter_list(struct state *state)
{
	state_open(state, MODE_FILTERS);
	state_clamp(state, MODE_FILTERS);
	return R_DRAW;
}

unsigned act_filter_remove(struct state *state)
{
	if (state->filters.n == 0)
		return R_DRAW;
	filters_remove(&state->filters, state->scroll[MODE_FILTERS].cursor);
	state_clamp(state, MODE_FILTERS);
	return filters_changed(state);
}

unsigned act_filter_clear(struct state *state)
{
	if (state->mode == MODE_OBJECTS)
		return objects_filter_typed(state, "");
	if (state->filters.n == 0)
		return R_DRAW;
	filters_deinit(&state->filters);
	state_clamp(state, MODE_FILTERS);
	state_say(state, ROLE_NORMAL, "all filters removed");
	return filters_changed(state);
}
