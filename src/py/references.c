#include "base/alloc.h"
#include "base/big.h"
#include "py/census_private.h"

uint32_t py_resolve(struct py_census *census, tm_addr at)
{
	uint64_t off;
	uint32_t node = heap_blocks_find(&census->blocks, at, &off);
	uint16_t *flags;

	if (node == 0) {
		if (census->outside)
			census->outside->word(census->outside, at);
		return 0;
	}
	flags = &census->base.flags[node];
	switch ((enum heap_kind)(*flags & HEAP_KIND)) {
	case HEAP_RAW:
		return node;
	case HEAP_OBJECT:
		if (off == heap_object_offset(&census->base, node))
			return *flags & HEAP_IMMORTAL ? 0 : node;
		*flags |= PY_POINTED_INTO;
		break;
	case HEAP_BUFFER:
	case HEAP_DEAD:
		break;
	}
	return 0;
}

uint32_t py_object_node(struct py_census *census, tm_addr at)
{
	uint64_t off;
	uint32_t node = heap_blocks_find(&census->blocks, at, &off);

	if (node == 0 && census->outside)
		census->outside->word(census->outside, at);
	return node && heap_node_kind(&census->base, node) == HEAP_OBJECT &&
	       off == heap_object_offset(&census->base, node) ? node : 0;
}

void py_edge_add(struct py_census *census, uint32_t to, enum py_level level, uint32_t how)
{
	struct heap_graph *graph = &census->base.graph;

	if (census->outside)
		return;
	if (graph->edges == census->cap_edges) {
		census->cap_edges = census->cap_edges ? census->cap_edges / 2 * 3 : 1 << 20;
		graph->to = tm_big_grow(graph->to, census->cap_edges, sizeof(*graph->to));
		if (census->names)
			census->base.how = tm_big_grow(census->base.how, census->cap_edges,
						       sizeof(*census->base.how));
	}
	graph->to[graph->edges] = to | (uint32_t)level << PY_LEVEL_SHIFT;
	if (census->names)
		census->base.how[graph->edges] = how;
	graph->edges++;
}

void py_root_note(struct py_census *census, enum heap_root_kind kind, const char *name,
		  const char *local)
{
	struct heap_census *base = &census->base;

	base->roots = tm_grow(base->roots, &census->cap_roots, base->nroots + 1u,
			      sizeof(*base->roots));
	base->roots[base->nroots++] = (struct heap_root){ kind, name, local };
}

void py_root(struct py_census *census, enum heap_root_kind kind, const char *name,
	     const char *local, uint32_t node, enum py_level level)
{
	uint32_t how = (uint32_t)HEAP_EDGE_ROOT << HEAP_EDGE_SHIFT |
		       (census->base.nroots & HEAP_EDGE_MAX);

	if (census->outside)
		return;
	py_root_note(census, kind, name, local);
	py_edge_add(census, node, level, how);
}
