/* The objects at the ends of the paths of one pattern, each by itself. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/map.h"
#include "heap/heap.h"
#include "heap/patterns.h"
#include "heap/select.h"

struct instances {
	struct tm_heap *heap;
	struct tm_heap_instances *ret;
	uint32_t *nodes;   /* of the items, before these are sorted */
	size_t nodes_cap;
};

/* Patterns are numbered as tm_heap_refs() has numbered them: the same objects in
 * the same order. */
static void choose(struct instances *i, const struct heap_selection *selection,
		   uint32_t pattern)
{
	const struct heap_paths *paths = &i->heap->paths;
	struct heap_patterns patterns;

	heap_patterns_init(&patterns, i->heap->census);
	for (size_t k = 0; k < selection->n; k++) {
		uint32_t node = selection->nodes[k];

		if (paths->via[node] == HEAP_NO_EDGE ||
		    heap_patterns_of(&patterns, paths, node) != pattern)
			continue;
		i->nodes = tm_grow(i->nodes, &i->nodes_cap, i->ret->n + 1,
				   sizeof(*i->nodes));
		i->nodes[i->ret->n++] = node;
	}
	heap_patterns_deinit(&patterns);
	i->ret->count = i->ret->n;
}

/* Private buffers count for their owners. */
static void add_sizes(struct instances *i)
{
	const struct heap_census *census = i->heap->census;
	struct tm_map numbers = { 0 };

	for (size_t k = 0; k < i->ret->n; k++)
		*tm_map_put(&numbers, i->nodes[k]) = (uint32_t)k;
	for (uint32_t node = 1; node < census->graph.nodes; node++) {
		uint32_t owner = heap_is_owned(census, node) ?
				 heap_census_owner(census, node) : 0;
		uint32_t number = owner ? tm_map_get(&numbers, owner) : TM_MAP_NONE;

		if (number != TM_MAP_NONE)
			i->ret->items[number].size += census->ops->size(census, node);
	}
	tm_map_free(&numbers);
}

static int by_retained(const void *a, const void *b)
{
	const struct tm_heap_instance *x = a, *y = b;

	if (x->retained != y->retained)
		return x->retained > y->retained ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

/* Only its own path: nothing in it stands for several. */
static char *expression_of(const struct instances *i, uint32_t node)
{
	struct heap_patterns patterns;
	struct tm_buf text = { 0 };

	heap_patterns_init(&patterns, i->heap->census);
	heap_patterns_text(&patterns,
			   heap_patterns_of(&patterns, &i->heap->paths, node), &text);
	heap_patterns_deinit(&patterns);
	return text.data;
}

static void describe(struct instances *i, size_t limit)
{
	const struct heap_census *census = i->heap->census;
	struct tm_heap_instances *ret = i->ret;

	ret->items = tm_calloc(ret->n + 1, sizeof(*ret->items));
	for (size_t k = 0; k < ret->n; k++) {
		ret->items[k].address = heap_object_address(census, i->nodes[k]);
		ret->items[k].retained = i->heap->retained[i->nodes[k]];
	}
	add_sizes(i);
	qsort(ret->items, ret->n, sizeof(*ret->items), by_retained);
	if (limit && limit < ret->n)
		ret->n = limit;
	for (size_t k = 0; k < ret->n; k++)
		ret->items[k].expression = expression_of(i, census->ops->find(census,
			ret->items[k].address));
}

struct tm_heap_instances *tm_heap_instances(struct tm_heap *heap, const char *what,
					    uint32_t pattern, size_t limit,
					    struct tm_err *err)
{
	struct instances i = { .heap = heap };
	struct heap_selection selection = { 0 };

	if (!heap_need_names(heap, err) || !heap_need_paths(heap, err) ||
	    !heap_need_retained(heap, err) || !heap_select(&selection, heap, what, err))
		return NULL;
	i.ret = tm_calloc(1, sizeof(*i.ret));
	choose(&i, &selection, pattern);
	describe(&i, limit);
	heap_selection_free(&selection);
	free(i.nodes);
	return i.ret;
}

void tm_heap_instances_destroy(struct tm_heap_instances *instances)
{
	if (!instances)
		return;
	for (size_t i = 0; i < instances->n; i++)
		free((char *)instances->items[i].expression);
	free(instances->items);
	free(instances);
}
