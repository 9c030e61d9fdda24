/* Who holds what the user means, or what that holds. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/big.h"
#include "base/guard.h"
#include "heap/groups_root.h"
#include "heap/heap.h"
#include "heap/patterns.h"
#include "heap/refs_lines.h"
#include "heap/select.h"
#include "heap/together.h"

enum {
	STEPS = 40,       /* of a path that is shown */
	EXAMPLES = 1000000, /* among this many, one is looked for that can be */
};

/* What was found along one pattern. */
struct found {
	uint64_t count, size, retained;
	uint32_t example; /* the end of one path, */
	bool spelled;     /* of which all keys are known */
};

struct question {
	struct tm_heap *heap;
	struct heap_patterns patterns;
	struct heap_selection selection;
	struct found *found; /* by pattern */
	size_t cap;
	struct heap_ref_lines lines;
};

static struct found *found_at(struct question *q, uint32_t pattern)
{
	size_t before = q->cap;

	if (pattern >= q->cap) {
		q->found = tm_grow(q->found, &q->cap, pattern + 1u, sizeof(*q->found));
		memset(q->found + before, 0, (q->cap - before) * sizeof(*q->found));
	}
	return &q->found[pattern];
}

/* Are the keys on its path known? Of large dicts only some are. */
static bool is_spelled(struct question *q, uint32_t node)
{
	struct heap_census *census = q->heap->census;
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };

	for (int steps = 0; node && steps < STEPS; steps++) {
		uint32_t edge = q->heap->paths.via[node], how;

		if (edge == HEAP_NO_EDGE)
			return false;
		how = census->how[edge];
		if (heap_edge_kind(how) == HEAP_EDGE_VALUE &&
		    !heap_census_key(census, heap_edge_value(how), &text))
			return false;
		node = heap_edge_start(&census->graph, edge);
	}
	return true;
}

static void choose_example(struct question *q, struct found *found, uint32_t node)
{
	if (found->count == 0)
		found->example = node;
	else if (found->spelled || found->count > EXAMPLES || !q->heap->paths.via)
		return;
	found->spelled = q->heap->paths.via && is_spelled(q, node);
	if (found->spelled)
		found->example = node;
}

static void count_at(struct question *q, uint32_t pattern, uint32_t node)
{
	struct found *found = found_at(q, pattern);

	choose_example(q, found, node);
	found->count++;
	found->size += q->heap->census->ops->size(q->heap->census, node);
	heap_ref_lines_count(&q->lines, q->heap->census, pattern, node);
}

/* ---- up ------------------------------------------------------------------------ */

static bool look_up(struct question *q, struct tm_err *err)
{
	if (!heap_need_paths(q->heap, err))
		return false;
	for (size_t i = 0; i < q->selection.n; i++) {
		uint32_t node = q->selection.nodes[i];

		if (q->heap->paths.via[node] != HEAP_NO_EDGE)
			count_at(q, heap_patterns_of(&q->patterns, &q->heap->paths,
						     node), node);
	}
	return true;
}

/* The steps to a node, the root's first. */
static void add_steps(struct question *q, struct tm_heap_path *path, uint32_t node)
{
	struct heap_census *census = q->heap->census;
	uint32_t edges[STEPS];
	size_t n = 0;

	for (; node && n < STEPS; node = heap_edge_start(&census->graph, edges[n - 1]))
		edges[n++] = q->heap->paths.via[node];
	path->steps = tm_calloc(n + 1, sizeof(*path->steps));
	while (n--) {
		TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
		uint32_t start = heap_edge_start(&census->graph, edges[n]);
		struct tm_heap_step *step = &path->steps[path->nsteps];

		if (start && heap_edge_kind(census->how[edges[n]]) == HEAP_EDGE_BUFFER)
			continue;
		heap_step_text(census, start, edges[n], false, &text);
		start = heap_census_owner(census, start);
		*step = (struct tm_heap_step){
			.address = heap_object_address(census, start),
			.type = heap_node_type(census, start),
			.edge = tm_memdup(text.data, text.len),
		};
		path->nsteps++;
	}
}

static const char *root_of(struct question *q, uint32_t node)
{
	const struct heap_census *census = q->heap->census;
	struct tm_buf name = { 0 };
	uint64_t edge = 0;

	/* The first edge of its pattern is that of the root. */
	for (uint32_t p = q->patterns.of[node] - 1; p; p = q->patterns.items[p].before)
		edge = q->patterns.items[p].edge;
	heap_root_name(census, (uint32_t)(edge - census->graph.row[0]), &name);
	return name.data;
}

/* ---- down ---------------------------------------------------------------------- */

/* One step of Python: buffers and the __dict__ are looked through. */
static void look_into(struct question *q, uint32_t pattern, uint32_t node,
		      unsigned levels)
{
	struct heap_census *census = q->heap->census;
	const struct heap_graph *graph = &census->graph;

	for (uint64_t e = graph->row[node]; e < graph->row[node + 1]; e++) {
		enum heap_edge_kind kind = heap_edge_kind(census->how[e]);
		uint32_t to = graph->to[e], next;

		if (kind == HEAP_EDGE_KEY)
			continue;
		next = heap_patterns_step(&q->patterns, pattern, node, e);
		if (levels && (kind == HEAP_EDGE_DICT || kind == HEAP_EDGE_BUFFER)) {
			look_into(q, next, to, levels - 1);
		} else if (heap_node_kind(census, to) == HEAP_OBJECT) {
			count_at(q, next, to);
			/* Only theirs: their part of what the object retains. */
			if (q->heap->dominators.idom[to] == node)
				found_at(q, next)->retained += q->heap->retained[to];
		}
	}
}

static bool look_down(struct question *q, struct tm_err *err)
{
	if (!heap_need_retained(q->heap, err))
		return false;
	for (size_t i = 0; i < q->selection.n; i++)
		look_into(q, 0, q->selection.nodes[i], 3);
	return true;
}

/* ---- the answer ------------------------------------------------------------------ */

static void add_path(struct question *q, struct tm_heap_refs *ret, uint32_t pattern,
		     bool down)
{
	const struct heap_census *census = q->heap->census;
	const struct found *found = &q->found[pattern];
	struct tm_heap_path *path = &ret->paths[ret->n++];
	struct tm_buf text = { 0 };

	heap_patterns_text(&q->patterns, pattern, &text);
	*path = (struct tm_heap_path){
		.count = found->count, .size = down ? found->retained : found->size,
		.expression = text.data,
		.address = heap_object_address(census, found->example),
		.pattern = pattern,
	};
	heap_ref_lines_take(&q->lines, pattern, path);
	if (down)
		path->root = heap_node_type(census, found->example);
	else
		path->root = root_of(q, found->example);
	if (!down)
		add_steps(q, path, found->example);
}

static int by_count(const void *a, const void *b)
{
	const struct tm_heap_path *x = a, *y = b;
	size_t x_len = strlen(x->expression), y_len = strlen(y->expression);

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	if (x_len != y_len)
		return x_len < y_len ? -1 : 1;
	return strcmp(x->expression, y->expression);
}

static int by_size(const void *a, const void *b)
{
	const struct tm_heap_path *x = a, *y = b;

	if (x->size != y->size)
		return x->size > y->size ? -1 : 1;
	return by_count(a, b);
}

/* Of an object among those asked for; its buffers count for it. */
static void add_buffer(struct question *q, struct tm_heap_refs *ret, bool down,
		       uint32_t node, uint32_t owner)
{
	uint64_t size = q->heap->census->ops->size(q->heap->census, node);

	ret->size += size;
	if (node != owner && !down && q->patterns.of && q->patterns.of[owner])
		found_at(q, q->patterns.of[owner] - 1)->size += size;
}

static void sum_up(struct question *q, struct tm_heap_refs *ret, bool down)
{
	const struct heap_selection *selection = &q->selection;
	const struct heap_census *census = q->heap->census;
	uint32_t *set = tm_big_alloc(census->graph.nodes, sizeof(*set));

	ret->count = selection->n;
	for (size_t i = 0; i < selection->n; i++)
		set[selection->nodes[i]] = 1;
	for (uint32_t node = 1; node < census->graph.nodes; node++) {
		uint32_t owner = heap_census_owner(census, node);

		if (!set[owner] || !heap_is_owned(census, node))
			continue;
		set[node] = 1;
		add_buffer(q, ret, down, node, owner);
	}
	for (uint32_t node = 0; node < census->graph.nodes; node++)
		set[node]--; /* the others are in no set */
	ret->retained = ret->size;
	heap_retained_together(census, set, 1, &ret->retained);
	tm_big_free(set);
}

static bool answer(struct question *q, struct tm_heap_refs *ret, bool down,
		   struct tm_err *err)
{
	if (!(down ? look_down : look_up)(q, err))
		return false;
	sum_up(q, ret, down);
	ret->paths = tm_calloc(q->patterns.n + 1, sizeof(*ret->paths));
	for (uint32_t pattern = 0; pattern < q->patterns.n && pattern < q->cap; pattern++)
		if (q->found[pattern].count)
			add_path(q, ret, pattern, down);
	qsort(ret->paths, ret->n, sizeof(*ret->paths), down ? by_size : by_count);
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A class that was defined again has a name once. */
static void add_types(struct tm_heap_refs *ret, const struct question *q)
{
	size_t n = 0;
	const struct heap_selection *selection = &q->selection;

	ret->types = tm_calloc(selection->ntypes + 1, sizeof(*ret->types));
	for (size_t i = 0; i < selection->ntypes; i++) {
		struct tm_buf name = { 0 };

		heap_type_name(q->heap->census, selection->types[i], &name);
		ret->types[ret->ntypes++] = name.data;
	}
	qsort(ret->types, ret->ntypes, sizeof(*ret->types), by_name);
	for (size_t i = 0; i < ret->ntypes; i++) {
		if (n && strcmp(ret->types[n - 1], ret->types[i]) == 0)
			free(ret->types[i]);
		else
			ret->types[n++] = ret->types[i];
	}
	ret->ntypes = n;
}

struct tm_heap_refs *tm_heap_refs(struct tm_heap *heap, const char *what, bool down,
				  struct tm_err *err)
{
	struct question q = { .heap = heap };
	struct tm_heap_refs *ret = NULL;

	if (!heap_need_names(heap, err) || !heap_select(&q.selection, heap, what, err))
		return NULL;
	ret = tm_calloc(1, sizeof(*ret));
	ret->what = tm_strdup(what);
	ret->known = q.selection.known;
	add_types(ret, &q);
	heap_patterns_init(&q.patterns, heap->census);
	if (!answer(&q, ret, down, err)) {
		tm_heap_refs_destroy(ret);
		ret = NULL;
	}
	heap_patterns_deinit(&q.patterns);
	heap_selection_free(&q.selection);
	free(q.found);
	heap_ref_lines_free(&q.lines);
	return ret;
}

void tm_heap_refs_destroy(struct tm_heap_refs *refs)
{
	if (!refs)
		return;
	for (size_t i = 0; i < refs->n; i++) {
		struct tm_heap_path *path = &refs->paths[i];

		for (size_t k = 0; k < path->nsteps; k++) {
			free((char *)path->steps[k].type);
			free((char *)path->steps[k].edge);
		}
		free(path->steps);
		for (size_t k = 0; k < path->nlines; k++)
			free((char *)path->lines[k].filename);
		free(path->lines);
		free((char *)path->expression);
		free((char *)path->root);
	}
	for (size_t i = 0; i < refs->ntypes; i++)
		free(refs->types[i]);
	free(refs->types);
	free(refs->paths);
	free((char *)refs->what);
	free(refs);
}
