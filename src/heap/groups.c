/*
 * What is alive, in groups: by type, by the module that defines the type, or by
 * the root that dominates it; of one heap, or from an older one to a newer.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/big.h"
#include "base/intern.h"
#include "heap/groups.h"
#include "heap/grouping.h"
#include "heap/groups_root.h"
#include "heap/heap.h"
#include "heap/together.h"
#include "tmattach/stats.h"

/* ---- types and modules ----------------------------------------------------------- */

static bool matches(const char *pattern, const char *name)
{
	return !pattern || tm_fnmatch((struct tm_text){ pattern, strlen(pattern) },
				      (struct tm_text){ name, strlen(name) });
}

bool heap_type_passes(const struct heap_census *census, uint32_t type,
		      const struct tm_heap_query *query)
{
	TM_GUARD(tm_buf_free) struct tm_buf name = { 0 };
	const char *module = census->types[type].module;

	heap_type_name(census, type, &name);
	return matches(query->type, name.data) &&
	       matches(query->module, module ? module : "");
}

static void name_of_type(const struct grouping *g, uint32_t type, struct tm_buf *ret)
{
	const struct heap_census *census = g->heap->census;
	const char *module = census->types[type].module;

	if (g->query->key == TM_HEAP_MODULE)
		tm_buf_adds(ret, module && module[0] ? module : "?");
	else
		heap_type_name(census, type, ret);
}

static void map_types(struct grouping *g)
{
	const struct heap_census *census = g->heap->census;
	TM_GUARD(tm_buf_free) struct tm_buf name = { 0 };

	g->by_type = tm_reallocarray(NULL, census->ntypes + 1u, sizeof(*g->by_type));
	for (uint32_t type = 0; type < census->ntypes; type++) {
		g->by_type[type] = HEAP_NONE;
		if (!heap_type_passes(census, type, g->query))
			continue;
		if (g->query->key == TM_HEAP_ROOT) {
			g->by_type[type] = 0; /* it passes */
			continue;
		}
		tm_buf_clear(&name);
		name_of_type(g, type, &name);
		g->by_type[type] = heap_group_named(g, &name);
	}
}

/* ---- counting ---------------------------------------------------------------------- */

static bool is_wanted(const struct heap_census *census, uint32_t node,
		      enum tm_heap_which which)
{
	switch (which) {
	case TM_HEAP_ALIVE:
		return true;
	case TM_HEAP_GARBAGE:
		return census->flags[node] & HEAP_GARBAGE;
	case TM_HEAP_NO_HOLDER:
		return census->flags[heap_census_owner(census, node)] & HEAP_HOLDER;
	}
	return false;
}

static uint32_t group_of(const struct grouping *g, uint32_t node)
{
	const struct heap_census *census = g->heap->census;
	uint32_t type, group;

	if (!heap_is_owned(census, node))
		return HEAP_NONE;
	type = heap_census_type(census, node);
	group = type == HEAP_NO_TYPE ? HEAP_NONE : g->by_type[type];
	if (group == HEAP_NONE || !is_wanted(census, node, g->query->which))
		return HEAP_NONE;
	if (g->query->line)
		return heap_line_group(&g->lines, census, group, node);
	return g->top ? g->top[node] : group;
}

static void count(struct grouping *g)
{
	const struct heap_census *census = g->heap->census;

	for (uint32_t node = 1; node < census->graph.nodes; node++) {
		uint32_t group = group_of(g, node);

		if (group == HEAP_NONE)
			continue;
		g->groups[group].count += heap_node_kind(census, node) == HEAP_OBJECT;
		g->groups[group].size += census->ops->size(census, node);
	}
}

static bool no_lines(struct tm_err *err)
{
	tm_err_set(err, TM_ERR_NOT_TRACED, "", "where its objects were allocated was not traced");
	return tm_err_hint(err, "only a process or core tells in which tracemalloc traces, or the "
			   "recorder every block; `tmattach start PID' or `start --exact' (for "
			   "cores `start --exact --in-core') starts it, for what comes from then on");
}

/* A group more for each line that has allocated some of a type. */
static void find_line_groups(struct grouping *g)
{
	const struct heap_census *census = g->heap->census;
	TM_GUARD(tm_buf_free) struct tm_buf name = { 0 };

	for (uint32_t node = 1; node < census->graph.nodes; node++) {
		uint32_t group, *known;

		if (heap_node_kind(census, node) != HEAP_OBJECT ||
		    g->by_type[census->info[node]] == HEAP_NONE)
			continue;
		group = g->by_type[census->info[node]];
		known = heap_line_group_put(&g->lines, census, group, node);
		if (*known != HEAP_NONE)
			continue;
		tm_buf_clear(&name);
		heap_line_group_name(g->names.items[group].bytes,
				     heap_allocated_at(census, node), &name);
		*known = heap_group_named(g, &name);
	}
}

/* Memory of C may hold what nothing else does, and of an allocator that is not walked
 * it is not known. */
static bool sees_holders(const struct tm_heap *heap, struct tm_err *err)
{
	if (heap->census->proof.estimated == 0)
		return true;
	tm_err_set(err, TM_ERR_UNSUPPORTED, NULL, "memory of C, which may hold what nothing else "
		   "does, is not known: its allocator is not glibc's and cannot be walked");
	return tm_err_hint(err, "start it without that allocator (LD_PRELOAD, PYTHONMALLOC); "
			   "`--garbage' is answered");
}

static bool collect(struct grouping *g, struct tm_err *err)
{
	if (g->query->line && !g->heap->census->allocated)
		return no_lines(err);
	if (g->query->which == TM_HEAP_NO_HOLDER && !sees_holders(g->heap, err))
		return false;
	if (g->query->which == TM_HEAP_GARBAGE && !g->heap->census->graph.row)
		return heap_need_dominators(g->heap, err);
	map_types(g);
	if (g->query->key == TM_HEAP_ROOT && !heap_group_roots(g, err))
		return false;
	if (g->query->line)
		find_line_groups(g);
	count(g);
	return true;
}

static void grouping_deinit(struct grouping *g)
{
	tm_intern_free(&g->names);
	free(g->groups);
	free(g->by_type);
	tm_big_free(g->top);
	tm_map_free(&g->lines.groups);
}

/* ---- the result ----------------------------------------------------------------------- */

static uint64_t magnitude(int64_t n)
{
	return n < 0 ? -(uint64_t)n : (uint64_t)n;
}

int heap_by_difference(const void *a, const void *b)
{
	const struct tm_heap_group *x = a, *y = b;
	const uint64_t keys[][2] = {
		{ magnitude(x->size_diff), magnitude(y->size_diff) },
		{ x->size, y->size },
		{ magnitude(x->count_diff), magnitude(y->count_diff) },
		{ x->count, y->count },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i][0] != keys[i][1])
			return keys[i][0] > keys[i][1] ? -1 : 1;
	if (strcmp(y->name, x->name) != 0 || !x->filename || !y->filename)
		return strcmp(y->name, x->name);
	return strcmp(y->filename, x->filename) ? strcmp(y->filename, x->filename) :
	       (y->lineno > x->lineno) - (y->lineno < x->lineno);
}

static bool is_shown(const struct tm_heap_group *group,
		     const struct tm_heap_query *query)
{
	bool any = group->count || group->size || group->count_diff ||
		   group->size_diff;

	return any && (group->size >= query->min_size ||
		       magnitude(group->size_diff) >= query->min_size);
}

static struct tm_heap_groups *finish(struct grouping *g, bool is_diff)
{
	struct tm_heap_groups *ret = tm_calloc(1, sizeof(*ret));

	ret->items = tm_reallocarray(NULL, g->names.n + 1, sizeof(*ret->items));
	for (size_t i = 0; i < g->names.n; i++) {
		struct tm_heap_group *item = &ret->items[ret->n];

		*item = g->groups[i];
		if (!is_shown(item, g->query))
			continue;
		item->name = tm_strdup(g->names.items[i].bytes);
		if (g->query->line)
			heap_line_group_split(g->names.items[i].bytes,
					      g->names.items[i].len, item);
		ret->count += item->count;
		ret->size += item->size;
		ret->n++;
	}
	qsort(ret->items, ret->n, sizeof(*ret->items), heap_by_difference);
	ret->is_diff = is_diff;
	ret->query = *g->query;
	ret->query.type = ret->query.module = NULL;
	return ret;
}

void tm_heap_groups_destroy(struct tm_heap_groups *groups)
{
	if (!groups)
		return;
	for (size_t i = 0; i < groups->n; i++) {
		free((char *)groups->items[i].name);
		free((char *)groups->items[i].filename);
	}
	free(groups->items);
	free(groups);
}

/* ---- what they retain ------------------------------------------------------------------ */

/* Of the groups from `first` on, as many as go in one walk. */
static void retain_some(struct grouping *g, struct tm_heap_groups *ret, size_t first,
			size_t n, uint32_t *set)
{
	const struct heap_census *census = g->heap->census;
	uint64_t lost[HEAP_SETS] = { 0 };
	uint32_t *number = tm_reallocarray(NULL, g->names.n + 1, sizeof(*number));

	memset(number, 0xff, (g->names.n + 1) * sizeof(*number));
	for (size_t i = 0; i < n; i++) {
		const char *name = ret->items[first + i].name;

		number[tm_intern_find(&g->names, name, strlen(name))] = (uint32_t)i;
	}
	for (uint32_t node = 0; node < census->graph.nodes; node++) {
		uint32_t group = group_of(g, node);

		set[node] = group == HEAP_NONE ? HEAP_NONE : number[group];
	}
	heap_retained_together(census, set, (uint32_t)n, lost);
	for (size_t i = 0; i < n; i++)
		ret->items[first + i].retained =
			ret->items[first + i].size + lost[i];
	free(number);
}

static bool retain(struct grouping *g, struct tm_heap_groups *ret, struct tm_err *err)
{
	size_t n = g->query->limit && g->query->limit < ret->n ? g->query->limit :
								 ret->n;
	uint32_t *set;

	if (!g->heap->census->graph.row)
		return heap_need_dominators(g->heap, err);
	set = tm_big_alloc(g->heap->census->graph.nodes, sizeof(*set));
	for (size_t i = 0; i < n; i += HEAP_SETS)
		retain_some(g, ret, i, n - i < HEAP_SETS ? n - i : HEAP_SETS, set);
	tm_big_free(set);
	return true;
}

/* ---- the questions ------------------------------------------------------------------- */

struct tm_heap_groups *tm_heap_group(struct tm_heap *heap,
				     const struct tm_heap_query *query,
				     struct tm_err *err)
{
	TM_GUARD(grouping_deinit) struct grouping g = { .heap = heap, .query = query };
	struct tm_heap_groups *ret;

	if (!collect(&g, err))
		return NULL;
	ret = finish(&g, false);
	if (!query->retained || retain(&g, ret, err))
		return ret;
	tm_heap_groups_destroy(ret);
	return NULL;
}

/* What the older heap has: to be taken off. */
static void subtract(struct grouping *g, const struct grouping *older)
{
	for (size_t i = 0; i < g->names.n; i++) {
		g->groups[i].count_diff = (int64_t)g->groups[i].count;
		g->groups[i].size_diff = (int64_t)g->groups[i].size;
	}
	for (size_t i = 0; i < older->names.n; i++) {
		const struct tm_buf name = {
			.data = (char *)older->names.items[i].bytes,
			.len = older->names.items[i].len,
		};
		uint32_t group = heap_group_named(g, &name);

		g->groups[group].count_diff -= (int64_t)older->groups[i].count;
		g->groups[group].size_diff -= (int64_t)older->groups[i].size;
	}
}

struct tm_heap_groups *tm_heap_diff(struct tm_heap *older, struct tm_heap *heap,
				    const struct tm_heap_query *query,
				    struct tm_err *err)
{
	TM_GUARD(grouping_deinit) struct grouping g = { .heap = heap, .query = query };
	TM_GUARD(grouping_deinit) struct grouping then = {
		.heap = older, .query = query,
	};
	struct tm_heap_groups *ret;

	if (!collect(&then, err) || !collect(&g, err))
		return NULL;
	subtract(&g, &then);
	ret = finish(&g, true);
	if (!query->retained || retain(&g, ret, err))
		return ret;
	tm_heap_groups_destroy(ret);
	return NULL;
}
