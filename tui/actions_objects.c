#include "actions.h"

#include <stdio.h>

#include "type_columns.h"

/* With the cursor on the type on which it was, unless that was the first row. */
static unsigned rearrange(struct state *state, bool follow)
{
	struct types *types = &state->types;
	struct scroll *scroll = &state->scroll[MODE_OBJECTS];
	const char *name = follow && scroll->cursor < types->n ?
			   types_row(types, scroll->cursor)->name : "";
	size_t row;

	types_arrange(types);
	row = follow ? types_row_of(types, name) : 0;
	scroll->cursor = row == SIZE_MAX ? 0 : row;
	state_clamp(state, MODE_OBJECTS);
	return R_DRAW;
}

unsigned objects_sort_by(struct state *state, enum type_sort sort)
{
	state->types.reverse = false;
	state->types.sort = sort;
	return rearrange(state, false);
}

unsigned objects_step_sort(struct state *state, int step)
{
	size_t n = type_columns_count();
	size_t at = type_columns_index_of(state->types.sort);

	for (;;) {
		if ((at == 0 && step < 0) || (at + 1 == n && step > 0))
			return R_DRAW;
		at = step < 0 ? at - 1 : at + 1;
		if (type_columns_shown(state, at))
			return objects_sort_by(state, type_columns_at(at)->sort);
	}
}

unsigned objects_reverse(struct state *state)
{
	state->types.reverse = !state->types.reverse;
	return rearrange(state, false);
}

/* ---- baseline ---------------------------------------------------------------------- */

unsigned objects_mark(struct state *state)
{
	const struct tm_heap_groups nothing = { 0 };
	struct source *source = &state->sources[state_objects_source(state)];

	if (!state->types.objects) {
		state_say(state, ROLE_WARNING, "nothing has been read yet");
		return R_DRAW;
	}
	tm_heap_groups_destroy(source->marked_types);
	source->marked_types = tm_heap_groups_since(&nothing, state->types.objects->types);
	state_say(state, ROLE_NORMAL, "baseline marked; u reads again, d shows the differences");
	return state_show_objects(state);
}

unsigned objects_unmark(struct state *state)
{
	struct source *source = &state->sources[state_objects_source(state)];
	struct types *types = &state->types;

	tm_heap_groups_destroy(source->marked_types);
	source->marked_types = NULL;
	if (types->sort == TYPE_SIZE_DIFF || types->sort == TYPE_COUNT_DIFF)
		types->sort = TYPE_SIZE;
	state_say(state, ROLE_NORMAL, "the baseline is removed");
	return state_show_objects(state);
}

unsigned objects_diff(struct state *state)
{
	struct types *types = &state->types;

	if (!types->since) {
		state_say(state, ROLE_WARNING, "no baseline: press m to mark one, "
			  "u and d some time later");
		return R_DRAW;
	}
	return objects_sort_by(state, types->sort == TYPE_SIZE_DIFF ? TYPE_SIZE
								    : TYPE_SIZE_DIFF);
}

/* ---- which types --------------------------------------------------------------------- */

unsigned objects_filter(struct state *state)
{
	snprintf(state->types.filter_before, sizeof(state->types.filter_before), "%s",
		 state->types.filter);
	state_prompt(state, PROMPT_TYPE, state->types.filter);
	return R_DRAW;
}

unsigned objects_filter_typed(struct state *state, const char *filter)
{
	snprintf(state->types.filter, sizeof(state->types.filter), "%s", filter);
	return rearrange(state, false);
}

unsigned objects_scope(struct state *state, int step)
{
	size_t n = state->nsources, at = state_objects_source(state);

	for (size_t i = 1; i < n; i++) {
		size_t next = (at + (step > 0 ? i : n - i)) % n;
		const struct source *source = &state->sources[next];

		if (source->is_file || source->gone)
			continue;
		state->scroll[MODE_OBJECTS] = (struct scroll){ 0 };
		return state_set_scope(state, next) |
		       (source->answers[REQUEST_OBJECTS] ? 0u : R_OBJECTS);
	}
	return R_DRAW;
}

/* ---- looking into them ------------------------------------------------------------------ */

void objects_without_retained(struct state *state)
{
	struct types *types = &state->types;

	types->with_retained = false;
	if (types->sort == TYPE_RETAINED)
		types->sort = TYPE_SIZE;
	rearrange(state, true);
}

unsigned act_retained(struct state *state)
{
	struct types *types = &state->types;

	if (types->with_retained) {
		objects_without_retained(state);
		return R_DRAW;
	}
	types->with_retained = true;
	if (types->retained || !types->objects)
		return R_DRAW;
	state_say(state, ROLE_NORMAL, "computing what the types retain ...");
	return R_DRAW | R_LOOK_INTO;
}

static unsigned look_at_holders(struct state *state)
{
	struct types *types = &state->types;
	size_t cursor = state->scroll[MODE_OBJECTS].cursor;

	if (!types->objects || cursor >= types->n)
		return R_DRAW;
	if (types_row(types, cursor)->count == 0) {
		state_say(state, ROLE_WARNING, "there is none any more");
		return R_DRAW;
	}
	types_look_at(types, types_row(types, cursor)->name);
	state->mode = MODE_HOLDERS;
	state->scroll[MODE_HOLDERS] = (struct scroll){ 0 };
	return R_DRAW | R_LOOK_INTO;
}

static unsigned look_at_instances(struct state *state)
{
	struct types *types = &state->types;
	size_t cursor = state->scroll[MODE_HOLDERS].cursor;

	if (!types->holders || cursor >= types->holders->n)
		return R_DRAW;
	types_look_along(types, cursor);
	state->mode = MODE_INSTANCES;
	state->scroll[MODE_INSTANCES] = (struct scroll){ 0 };
	return R_DRAW | R_LOOK_INTO;
}

unsigned act_look_into(struct state *state)
{
	return state->mode == MODE_OBJECTS ? look_at_holders(state) :
					     look_at_instances(state);
}
