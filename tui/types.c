#include "types.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "tmattach/stats.h"

const struct tm_heap_groups *types_shown(const struct types *types)
{
	if (types->since)
		return types->since;
	if (types->retained)
		return types->retained;
	return types->objects ? types->objects->types : NULL;
}

const struct tm_heap_group *types_row(const struct types *types, size_t row)
{
	return &types_shown(types)->items[types->rows[types->reverse ?
		types->n - 1 - row : row]];
}

size_t types_row_of(const struct types *types, const char *name)
{
	for (size_t i = 0; i < types->n; i++)
		if (strcmp(types_row(types, i)->name, name) == 0)
			return i;
	return SIZE_MAX;
}

/* ---- filter and order -------------------------------------------------------------- */

/* A word is found anywhere in the name; with a wildcard it is the whole name. */
static bool passes(const char *filter, const char *name)
{
	if (!strpbrk(filter, "*?["))
		return strstr(name, filter) != NULL;
	return tm_fnmatch((struct tm_text){ filter, strlen(filter) },
			  (struct tm_text){ name, strlen(name) });
}

/* Larger comes first. */
static double value_of(const struct tm_heap_group *group, enum type_sort sort)
{
	switch (sort) {
	case TYPE_SIZE:
		return (double)group->size;
	case TYPE_COUNT:
		return (double)group->count;
	case TYPE_SIZE_DIFF:
		return (double)group->size_diff;
	case TYPE_COUNT_DIFF:
		return (double)group->count_diff;
	case TYPE_RETAINED:
		return (double)group->retained;
	case TYPE_NAME:
		break;
	}
	return 0;
}

static int compare(const void *a, const void *b, void *ctx)
{
	const struct types *types = ctx;
	const struct tm_heap_groups *groups = types_shown(types);
	const struct tm_heap_group *x = &groups->items[*(const uint32_t *)a];
	const struct tm_heap_group *y = &groups->items[*(const uint32_t *)b];
	double by_x = value_of(x, types->sort), by_y = value_of(y, types->sort);

	if (by_x != by_y)
		return by_x > by_y ? -1 : 1;
	if (types->sort != TYPE_NAME && x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return strcmp(x->name, y->name);
}

void types_arrange(struct types *types)
{
	const struct tm_heap_groups *groups = types_shown(types);

	free(types->rows);
	types->rows = NULL;
	types->n = 0;
	if (!groups)
		return;
	types->rows = tm_calloc(groups->n + 1, sizeof(*types->rows));
	for (size_t i = 0; i < groups->n; i++)
		if (passes(types->filter, groups->items[i].name))
			types->rows[types->n++] = (uint32_t)i;
	qsort_r(types->rows, types->n, sizeof(*types->rows), compare, types);
}

/* ---- what is shown ------------------------------------------------------------------- */

static void forget_instances(struct types *types)
{
	tm_heap_instances_destroy(types->instances);
	types->instances = NULL;
	types->err.kind = TM_ERR_NONE;
}

static void forget_holders(struct types *types)
{
	forget_instances(types);
	tm_heap_refs_destroy(types->holders);
	types->holders = NULL;
}

static void compare_with(struct types *types, const struct tm_heap_groups *marked)
{
	tm_heap_groups_destroy(types->since);
	types->since = NULL;
	if (marked && types->objects)
		types->since = tm_heap_groups_since(marked, types_shown(types));
	types_arrange(types);
}

void types_show(struct types *types, struct objects *objects,
		const struct tm_heap_groups *marked)
{
	if (objects != types->objects) {
		forget_holders(types);
		tm_heap_groups_destroy(types->retained);
		types->retained = NULL;
		objects_put(types->objects);
		types->objects = objects_get(objects);
	}
	compare_with(types, marked);
}

/* The type, or the path of it, that is looked at. */
static bool is_looked_at(const struct types *types, const struct objects_query *query)
{
	return types->looked_at && query->type && strcmp(types->looked_at, query->type) == 0 &&
	       (query->about != OBJECTS_INSTANCES ||
		(types->holders &&
		 types->holders->paths[types->path].pattern == query->pattern));
}

void types_answer(struct types *types, struct objects_answer *answer,
		  const struct tm_heap_groups *marked)
{
	if (answer->query.objects != types->objects)
		return; /* of objects that are shown no more */
	if (answer->types) {
		tm_heap_groups_destroy(types->retained);
		types->retained = answer->types;
		answer->types = NULL;
		compare_with(types, marked);
	}
	if (!is_looked_at(types, &answer->query))
		return;
	if (!answer->holders && !answer->instances)
		types->err = answer->err;
	if (answer->holders && !types->holders) {
		types->holders = answer->holders;
		answer->holders = NULL;
	}
	if (answer->instances && !types->instances) {
		types->instances = answer->instances;
		answer->instances = NULL;
	}
}

void types_look_at(struct types *types, const char *name)
{
	forget_holders(types);
	free(types->looked_at);
	types->looked_at = tm_strdup(name);
}

void types_look_along(struct types *types, size_t path)
{
	forget_instances(types);
	types->path = path;
}

void types_deinit(struct types *types)
{
	types_show(types, NULL, NULL);
	free(types->looked_at);
	*types = (struct types){ 0 };
}
