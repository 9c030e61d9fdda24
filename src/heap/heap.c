#include "heap/heap.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/big.h"

struct tm_heap *tm_heap_create(struct heap_census *census,
			       const struct tm_meta *meta)
{
	struct tm_heap *heap = tm_calloc(1, sizeof(*heap));

	heap->census = census;
	heap->meta = *meta;
	return heap;
}

void tm_heap_destroy(struct tm_heap *heap)
{
	if (!heap)
		return;
	heap_dominators_deinit(&heap->dominators);
	heap_paths_deinit(&heap->paths);
	tm_big_free(heap->retained);
	heap_census_destroy(heap->census);
	free(heap);
}

const struct tm_meta *tm_heap_meta(const struct tm_heap *heap)
{
	return &heap->meta;
}

struct tm_heap_proof tm_heap_proof(const struct tm_heap *heap)
{
	const struct heap_proof *proof = &heap->census->proof;

	return (struct tm_heap_proof){
		.objects = proof->objects, .tracked = proof->tracked,
		.listed = proof->listed, .unexplained = proof->unexplained,
		.ambiguous = proof->ambiguous, .blocks = proof->blocks,
		.estimated = proof->estimated,
		.references = heap->census->graph.row != NULL,
	};
}

/* ---- what is computed once ----------------------------------------------------- */

static bool has_references(const struct tm_heap *heap, struct tm_err *err)
{
	return heap->census->graph.row ||
	       tm_err_set(err, TM_ERR_USAGE, NULL,
			  "the references of its objects were not read");
}

static bool too_many(struct tm_err *err)
{
	return tm_err_set(err, TM_ERR_LIMIT, NULL, "more objects or references "
			  "than are counted");
}

bool heap_need_dominators(struct tm_heap *heap, struct tm_err *err)
{
	if (heap->dominators.idom)
		return true;
	if (!has_references(heap, err))
		return false;
	return heap_dominators_init(&heap->dominators, &heap->census->graph) ||
	       too_many(err);
}

bool heap_need_retained(struct tm_heap *heap, struct tm_err *err)
{
	const struct heap_census *census = heap->census;

	if (heap->retained)
		return true;
	if (!heap_need_dominators(heap, err))
		return false;
	heap->retained = tm_big_alloc(census->graph.nodes, sizeof(*heap->retained));
	for (uint32_t node = 1; node < census->graph.nodes; node++)
		heap->retained[node] = census->ops->size(census, node);
	heap_dominators_sum(&heap->dominators, heap->retained);
	return true;
}

bool heap_need_paths(struct tm_heap *heap, struct tm_err *err)
{
	if (heap->paths.via)
		return true;
	if (!has_references(heap, err))
		return false;
	return heap_paths_init(&heap->paths, heap->census) || too_many(err);
}

bool heap_need_names(const struct tm_heap *heap, struct tm_err *err)
{
	return heap->census->how ||
	       tm_err_set(err, TM_ERR_USAGE, NULL,
			  "the names of its references were not read");
}

/* ---- names --------------------------------------------------------------------- */

void heap_type_name(const struct heap_census *census, uint32_t type,
		    struct tm_buf *ret)
{
	const struct heap_type *t = &census->types[type];

	if (t->module && t->module[0] && strcmp(t->module, "builtins") != 0)
		tm_buf_addf(ret, "%s.", t->module);
	tm_buf_adds(ret, t->name ? t->name : "?");
}

char *heap_node_type(const struct heap_census *census, uint32_t node)
{
	uint32_t type = node ? heap_census_type(census, node) : HEAP_NO_TYPE;
	struct tm_buf name = { 0 };

	if (type != HEAP_NO_TYPE)
		heap_type_name(census, type, &name);
	else
		tm_buf_adds(&name, node ? "memory" : "root");
	return name.data;
}

uint64_t heap_object_address(const struct heap_census *census, uint32_t node)
{
	if (node == 0)
		return 0;
	return census->ops->address(census, node) + heap_object_offset(census, node);
}
