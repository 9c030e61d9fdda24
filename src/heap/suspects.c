/*
 * The few objects that retain most. Modules are looked through: what stands
 * in their dicts is the answer, where any of it is large by itself.
 */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/big.h"
#include "heap/groups_root.h"
#include "heap/heap.h"
#include "heap/patterns.h"

enum { CHAIN = 64 }; /* what is deeper is a linked list: no point in it */

/* How a node takes part. */
enum {
	THROUGH = 1,   /* a module's dict or its table */
	HAS_LARGE = 2, /* and something in it is large by itself */
};

struct hunt {
	struct tm_heap *heap;
	struct heap_patterns patterns;
	uint8_t *part;      /* by node */
	uint32_t *biggest;  /* by node: whom it dominates that retains most */
	uint64_t least;     /* what a suspect retains */
	uint32_t *found;
	size_t n, cap;
};

static void mark_modules(struct hunt *hunt)
{
	const struct heap_census *census = hunt->heap->census;

	for (uint32_t i = 0; i < census->nroots; i++)
		if (census->roots[i].kind == HEAP_ROOT_MODULE)
			hunt->part[census->graph.to[census->graph.row[0] + i]] = THROUGH;
	for (uint32_t node = 1; node < census->graph.nodes; node++)
		if (heap_node_kind(census, node) == HEAP_BUFFER)
			hunt->part[node] |= hunt->part[heap_census_owner(census, node)] &
					    THROUGH;
	hunt->part[0] = THROUGH;
}

static void add_found(struct hunt *hunt, uint32_t node)
{
	hunt->found = tm_grow(hunt->found, &hunt->cap, hunt->n + 1,
			      sizeof(*hunt->found));
	hunt->found[hunt->n++] = node;
}

static void search(struct hunt *hunt)
{
	const struct heap_dominators *dominators = &hunt->heap->dominators;
	const uint64_t *retained = hunt->heap->retained;

	/* From below: whoever dominates comes after what it dominates. */
	for (uint32_t i = dominators->norder; i-- > 1;) {
		uint32_t node = dominators->order[i];
		uint32_t above = dominators->idom[node];
		uint32_t *biggest = &hunt->biggest[above];

		if (*biggest == 0 || retained[node] > retained[*biggest])
			*biggest = node;
		if (retained[node] < hunt->least || !(hunt->part[above] & THROUGH))
			continue;
		hunt->part[above] |= HAS_LARGE;
		if (!(hunt->part[node] & HAS_LARGE))
			add_found(hunt, node);
	}
}

/* ---- one suspect ------------------------------------------------------------------ */

/* Down to where most of it is. */
static uint32_t find_point(const struct hunt *hunt, uint32_t node)
{
	const struct heap_census *census = hunt->heap->census;
	const uint64_t *retained = hunt->heap->retained;
	uint64_t most = retained[node] / 10 * 7;
	uint32_t point = node, at = node;

	for (int steps = 0; steps < CHAIN; steps++) {
		at = hunt->biggest[at];
		if (at == 0 || retained[at] < most)
			return point;
		if (heap_node_kind(census, at) == HEAP_OBJECT)
			point = at;
	}
	return node;
}

struct inside {
	uint64_t count, retained;
};

/* What the point dominates itself, or its buffers do, by type. */
static void look_inside(const struct hunt *hunt, uint32_t point,
			struct tm_heap_suspect *ret)
{
	const struct heap_census *census = hunt->heap->census;
	struct inside *types = tm_calloc(census->ntypes + 1u, sizeof(*types));
	uint32_t best = 0;

	for (uint32_t node = 1; node < census->graph.nodes; node++) {
		uint32_t above = hunt->heap->dominators.idom[node], type;

		if (above == HEAP_NONE || heap_node_kind(census, node) != HEAP_OBJECT ||
		    (above != point && (above == 0 ||
					heap_census_owner(census, above) != point)))
			continue;
		type = heap_census_type(census, node);
		if (type == HEAP_NO_TYPE)
			continue;
		types[type].count++;
		types[type].retained += hunt->heap->retained[node];
		if (types[type].retained > types[best].retained)
			best = type;
	}
	if (types[best].count) {
		struct tm_buf name = { 0 };

		heap_type_name(census, best, &name);
		ret->inside = name.data;
		ret->inside_count = types[best].count;
		ret->inside_retained = types[best].retained;
	}
	free(types);
}

static char *expression_of(struct hunt *hunt, uint32_t node, char **root)
{
	struct heap_patterns *patterns = &hunt->patterns;
	uint32_t pattern = heap_patterns_of(patterns, &hunt->heap->paths, node);
	struct tm_buf text = { 0 }, name = { 0 };
	uint64_t edge = 0;

	heap_patterns_text(patterns, pattern, &text);
	for (; pattern; pattern = patterns->items[pattern].before)
		edge = patterns->items[pattern].edge;
	heap_root_name(hunt->heap->census, (uint32_t)(edge -
		       hunt->heap->census->graph.row[0]), &name);
	if (root)
		*root = name.data;
	else
		tm_buf_free(&name);
	return text.data;
}

static void describe(struct hunt *hunt, uint32_t node, struct tm_heap_suspect *ret)
{
	const struct heap_census *census = hunt->heap->census;
	uint32_t owner = heap_census_owner(census, node), point;
	char *root;

	/* A table that is held apart from its dict represents it, unless
	 * nothing leads to the dict any more. */
	if (owner && hunt->heap->paths.via[owner] != HEAP_NO_EDGE)
		node = owner;
	point = find_point(hunt, node);
	ret->expression = expression_of(hunt, node, &root);
	ret->root = root;
	ret->type = heap_node_type(census, node);
	ret->address = heap_object_address(census, node);
	ret->retained = hunt->heap->retained[node];
	ret->point = expression_of(hunt, point, NULL);
	ret->point_type = heap_node_type(census, point);
	ret->point_address = heap_object_address(census, point);
	ret->point_retained = hunt->heap->retained[point];
	look_inside(hunt, point, ret);
}

/* ---- all ----------------------------------------------------------------------------- */

/* Of objects and of the memory of C that counts with what leads to it. */
static uint64_t size_of_all(const struct tm_heap *heap)
{
	const struct heap_census *census = heap->census;
	uint64_t size = 0;

	for (uint32_t node = 1; node < census->graph.nodes; node++)
		if (heap_is_owned(census, node) ||
		    (heap_node_kind(census, node) == HEAP_RAW &&
		     heap_is_reached(&heap->dominators, node)))
			size += census->ops->size(census, node);
	return size;
}

static int by_retained(const void *a, const void *b)
{
	const struct tm_heap_suspect *x = a, *y = b;

	if (x->retained != y->retained)
		return x->retained > y->retained ? -1 : 1;
	return strcmp(x->expression, y->expression);
}

static void hunt_down(struct hunt *hunt, struct tm_heap_suspects *ret)
{
	uint32_t nodes = hunt->heap->census->graph.nodes;

	hunt->part = tm_big_alloc(nodes, sizeof(*hunt->part));
	hunt->biggest = tm_big_alloc(nodes, sizeof(*hunt->biggest));
	heap_patterns_init(&hunt->patterns, hunt->heap->census);
	mark_modules(hunt);
	search(hunt);
	ret->items = tm_calloc(hunt->n + 1, sizeof(*ret->items));
	for (size_t i = 0; i < hunt->n; i++)
		describe(hunt, hunt->found[i], &ret->items[ret->n++]);
	qsort(ret->items, ret->n, sizeof(*ret->items), by_retained);
	heap_patterns_deinit(&hunt->patterns);
	tm_big_free(hunt->part);
	tm_big_free(hunt->biggest);
	free(hunt->found);
}

struct tm_heap_suspects *tm_heap_suspects(struct tm_heap *heap, double share,
					  struct tm_err *err)
{
	struct hunt hunt = { .heap = heap };
	struct tm_heap_suspects *ret;

	if (!heap_need_names(heap, err) || !heap_need_retained(heap, err) ||
	    !heap_need_paths(heap, err))
		return NULL;
	ret = tm_calloc(1, sizeof(*ret));
	ret->size = size_of_all(heap);
	hunt.least = (uint64_t)((double)ret->size * share);
	if (hunt.least == 0)
		hunt.least = 1;
	hunt_down(&hunt, ret);
	return ret;
}

void tm_heap_suspects_destroy(struct tm_heap_suspects *suspects)
{
	if (!suspects)
		return;
	for (size_t i = 0; i < suspects->n; i++) {
		struct tm_heap_suspect *item = &suspects->items[i];

		free((char *)item->expression);
		free((char *)item->root);
		free((char *)item->type);
		free((char *)item->point);
		free((char *)item->point_type);
		free((char *)item->inside);
	}
	free(suspects->items);
	free(suspects);
}
