#include "state.h"

#include <stdlib.h>

#include "base/alloc.h"

size_t state_objects_source(const struct state *state)
{
	if (state->scope != SCOPE_ALL)
		return state->scope;
	for (size_t i = 0; i < state->nsources; i++)
		if (state_in_scope(state, i) && source_is_process(&state->sources[i]))
			return i;
	return 0;
}

static bool is_looking_into(const struct state *state)
{
	enum mode page = state_page(state);

	return page == MODE_HOLDERS || page == MODE_INSTANCES;
}

unsigned state_show_objects(struct state *state)
{
	const struct source *source = &state->sources[state_objects_source(state)];
	const struct answer *answer = source->answers[REQUEST_OBJECTS];
	struct types *types = &state->types;
	struct scroll *scroll = &state->scroll[MODE_OBJECTS];
	char *name = NULL;

	if (is_looking_into(state))
		return R_DRAW;
	/* With the cursor at the top, stay there instead of following the type. */
	if (scroll->cursor > 0 && scroll->cursor < types->n)
		name = tm_strdup(types_row(types, scroll->cursor)->name);
	types_show(types, answer ? answer->objects : NULL, source->marked_types);
	if (name && types_row_of(types, name) != SIZE_MAX)
		scroll->cursor = types_row_of(types, name);
	free(name);
	state_clamp(state, MODE_OBJECTS);
	return types->objects && types->with_retained && !types->retained ?
	       R_DRAW | R_LOOK_INTO : R_DRAW;
}

unsigned state_set_scope(struct state *state, size_t scope)
{
	if (state->nsources < 2)
		return R_DRAW; /* it and all are the same, until others come */
	state->scope = scope;
	lines_deinit(&state->lines); /* another process, another file system */
	return R_QUERY | state_show_objects(state);
}

void state_objects_query(const struct state *state, struct objects_query *ret)
{
	const struct types *types = &state->types;
	bool into = is_looking_into(state);

	*ret = (struct objects_query){ .about = OBJECTS_RETAINED };
	ret->objects = objects_get(types->objects);
	if (into) {
		ret->about = state_page(state) == MODE_HOLDERS ? OBJECTS_HOLDERS :
								  OBJECTS_INSTANCES;
		ret->type = tm_strdup(types->looked_at);
	}
	if (ret->about == OBJECTS_INSTANCES)
		ret->pattern = types->holders->paths[types->path].pattern;
}
