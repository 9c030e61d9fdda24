#include "actions.h"

#include "columns.h"
#include "type_columns.h"

static bool is_objects(const struct state *state)
{
	return state->mode == MODE_OBJECTS;
}

/* A traceback, and what a thread has allocated, is counted once. */
static bool counts_once(enum tm_key key)
{
	return key == TM_KEY_TRACEBACK || key == TM_KEY_THREAD;
}

static bool tells_threads(const struct state *state)
{
	return state->table && tm_snapshot_has_threads(state->table->newer->snapshot);
}

static unsigned set_key(struct state *state, enum tm_key key)
{
	if (counts_once(key) && state->cumulative) {
		state_say(state, ROLE_ERROR, "cumulative statistics cannot be "
			  "grouped by %s: press c first",
			  key == TM_KEY_THREAD ? "thread" : "traceback");
		return R_DRAW;
	}
	if (state->key == key)
		return R_DRAW;
	state->key = key;
	state->scroll[MODE_TABLE] = (struct scroll){ 0 };
	return R_DRAW | R_QUERY;
}

unsigned act_by_file(struct state *state)
{
	return set_key(state, TM_KEY_FILENAME);
}

unsigned act_by_line(struct state *state)
{
	return set_key(state, TM_KEY_LINENO);
}

unsigned act_by_traceback(struct state *state)
{
	return set_key(state, TM_KEY_TRACEBACK);
}

unsigned act_by_function(struct state *state)
{
	return set_key(state, TM_KEY_FUNCTION);
}

unsigned act_by_thread(struct state *state)
{
	if (!tells_threads(state)) {
		state_say(state, ROLE_ERROR, "which thread has allocated is only known to "
			  "the recorder (start --sample or --exact)");
		return R_DRAW;
	}
	return set_key(state, TM_KEY_THREAD);
}

unsigned act_next_key(struct state *state)
{
	if (state->key == TM_KEY_FILENAME)
		return set_key(state, TM_KEY_LINENO);
	if (state->key == TM_KEY_LINENO && !state->cumulative)
		return set_key(state, TM_KEY_TRACEBACK);
	if (state->key == TM_KEY_LINENO || state->key == TM_KEY_TRACEBACK)
		return set_key(state, TM_KEY_FUNCTION);
	if (state->key == TM_KEY_FUNCTION && !state->cumulative && tells_threads(state))
		return set_key(state, TM_KEY_THREAD);
	return set_key(state, TM_KEY_FILENAME);
}

unsigned act_cumulative(struct state *state)
{
	if (counts_once(state->key)) {
		state_say(state, ROLE_ERROR, "there is no cumulative mode when "
			  "grouped by %s: press 1 or 2 first",
			  state->key == TM_KEY_THREAD ? "thread" : "traceback");
		return R_DRAW;
	}
	state->cumulative = !state->cumulative;
	return R_DRAW | R_QUERY;
}

unsigned sort_by(struct state *state, enum sort sort)
{
	state->reverse = false;
	if (state->sort == sort)
		return R_DRAW;
	state->sort = sort;
	return R_DRAW | R_QUERY;
}

static unsigned step_sort(struct state *state, int step)
{
	size_t n = columns_count(), at = columns_index_of(state->sort);

	for (;;) {
		if ((at == 0 && step < 0) || (at + 1 == n && step > 0))
			return R_DRAW;
		at = step < 0 ? at - 1 : at + 1;
		if (columns_at(at)->sortable && columns_shown(state, at))
			return sort_by(state, columns_at(at)->sort);
	}
}

unsigned act_sort_left(struct state *state)
{
	return is_objects(state) ? objects_step_sort(state, -1) :
				   step_sort(state, -1);
}

unsigned act_sort_right(struct state *state)
{
	return is_objects(state) ? objects_step_sort(state, 1) : step_sort(state, 1);
}

unsigned act_sort_menu(struct state *state)
{
	bool objects = is_objects(state);

	state_open(state, MODE_SORT);
	state->scroll[MODE_SORT].cursor = objects ?
		type_columns_index_of(state->types.sort) :
		columns_menu_row(columns_index_of(state->sort));
	state_clamp(state, MODE_SORT);
	return R_DRAW;
}

unsigned act_sort_choose(struct state *state)
{
	size_t row = state->scroll[MODE_SORT].cursor, at = columns_menu_column(row);

	state->mode = state->back;
	if (is_objects(state))
		return objects_sort_by(state, type_columns_at(row)->sort);
	return sort_by(state, columns_at(at)->sort);
}

unsigned act_reverse(struct state *state)
{
	if (is_objects(state))
		return objects_reverse(state);
	state->reverse = !state->reverse;
	return R_DRAW;
}

/* ---- baseline and differences ------------------------------------------------ */

unsigned act_mark(struct state *state)
{
	bool any = false;

	if (is_objects(state))
		return objects_mark(state);
	for (size_t i = 0; i < state->nsources; i++) {
		struct source *source = &state->sources[i];

		if (!source->latest)
			continue;
		snap_put(source->marked);
		source->marked = snap_get(source->latest);
		any = true;
	}
	if (any)
		state_say(state, ROLE_NORMAL, "baseline marked; d shows the differences");
	else
		state_say(state, ROLE_WARNING, "nothing has been read yet");
	return any ? R_DRAW | R_QUERY : R_DRAW;
}

static unsigned set_diff(struct state *state, bool diff)
{
	state->diff = diff;
	state->sort = diff ? SORT_SIZE_DIFF : SORT_SIZE;
	state->reverse = false;
	state->scroll[MODE_TABLE] = (struct scroll){ 0 };
	return R_DRAW | R_QUERY;
}

unsigned act_unmark(struct state *state)
{
	if (is_objects(state))
		return objects_unmark(state);
	for (size_t i = 0; i < state->nsources; i++) {
		snap_put(state->sources[i].marked);
		state->sources[i].marked = NULL;
	}
	state_say(state, ROLE_NORMAL, "the baseline is removed");
	if (state->diff || state->sort == SORT_SIZE_DIFF ||
	    state->sort == SORT_COUNT_DIFF)
		return set_diff(state, false);
	return R_DRAW | R_QUERY;
}

unsigned act_diff(struct state *state)
{
	if (is_objects(state))
		return objects_diff(state);
	if (!state->diff && !state_has_mark(state)) {
		state_say(state, ROLE_WARNING, "no baseline: press m to mark one, "
			  "d some time later");
		return R_DRAW;
	}
	return set_diff(state, !state->diff);
}

/* ---- which traces ---------------------------------------------------------------- */

unsigned act_domain(struct state *state)
{
	const struct table *table = state->table;
	int64_t next = -1;

	if (!table || table->ndomains == 0)
		return R_DRAW;
	for (size_t i = table->ndomains; i-- > 0;)
		if ((int64_t)table->domains[i] > state->domain)
			next = table->domains[i];
	state->domain = next;
	return R_DRAW | R_QUERY;
}

unsigned act_scope(struct state *state)
{
	size_t next = state->scope == SCOPE_ALL ? 0 : state->scope + 1;

	if (is_objects(state))
		return objects_scope(state, 1);
	return state_set_scope(state, next < state->nsources ? next : SCOPE_ALL);
}

unsigned act_scope_back(struct state *state)
{
	size_t n = state->nsources;

	if (is_objects(state))
		return objects_scope(state, -1);
	return state_set_scope(state, state->scope == SCOPE_ALL ? n - 1 :
			       state->scope == 0 ? SCOPE_ALL : state->scope - 1);
}

unsigned act_detail(struct state *state)
{
	if (!state_selected(state))
		return R_DRAW;
	detail_destroy(state->detail);
	state->detail = NULL;
	state->mode = MODE_DETAIL;
	state->scroll[MODE_DETAIL] = (struct scroll){ 0 };
	return R_DRAW | R_DETAIL;
}
