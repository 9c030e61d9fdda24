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

void state_show_objects(struct state *state)
{
	const struct source *source = &state->sources[state_objects_source(state)];
	const struct answer *answer = source->answers[REQUEST_OBJECTS];
	struct types *types = &state->types;
	struct scroll *scroll = &state->scroll[MODE_OBJECTS];
	char *name = NULL;

	/* With the cursor at the top, stay there instead of following the type. */
	if (scroll->cursor > 0 && scroll->cursor < types->n)
		name = tm_strdup(types_row(types, scroll->cursor)->name);
	types_show(types, answer ? answer->objects : NULL, source->marked_types);
	if (name && types_row_of(types, name) != SIZE_MAX)
		scroll->cursor = types_row_of(types, name);
	free(name);
	state_clamp(state, MODE_OBJECTS);
}

void state_objects_query(const struct state *state, struct objects_query *ret)
{
	const struct types *types = &state->types;
	bool into = state->mode == MODE_HOLDERS || state->mode == MODE_INSTANCES;

	*ret = (struct objects_query){ .about = OBJECTS_RETAINED };
	ret->objects = objects_get(types->objects);
	if (into) {
		ret->about = state->mode == MODE_HOLDERS ? OBJECTS_HOLDERS :
							   OBJECTS_INSTANCES;
		ret->type = tm_strdup(types->looked_at);
	}
	if (ret->about == OBJECTS_INSTANCES)
		ret->pattern = types->holders->paths[types->path].pattern;
}
