#include "base/big.h"
#include "py/census_private.h"

enum { NODE = (1 << PY_LEVEL_SHIFT) - 1, NO_OBJECT_REFS = 1000 };
#define DROPPED UINT32_MAX

/* ---- edges that the counts confirm ------------------------------------------------------- */

static void count_exact(struct py_census *census)
{
	const struct heap_graph *graph = &census->base.graph;

	for (uint64_t i = 0; i < graph->edges; i++) {
		uint32_t to = graph->to[i] & NODE;

		if (graph->to[i] >> PY_LEVEL_SHIFT == PY_LEVEL_EXACT &&
		    heap_node_kind(&census->base, to) == HEAP_OBJECT)
			census->found[to]++;
	}
}

static void confirm(struct py_census *census, enum py_level level)
{
	const struct heap_graph *graph = &census->base.graph;

	for (uint64_t i = 0; i < graph->edges; i++) {
		uint32_t to = graph->to[i] & NODE;

		if (graph->to[i] >> PY_LEVEL_SHIFT != level ||
		    heap_node_kind(&census->base, to) != HEAP_OBJECT)
			continue;
		if (census->found[to] < census->refs[to])
			census->found[to]++;
		else
			graph->to[i] = DROPPED;
	}
}

/* Those of node 0 have their names beside them; py_garbage(), which drops some more,
 * numbers them anew. */
static void keep(struct heap_census *base, uint64_t from, uint64_t to, bool is_root)
{
	base->graph.to[to] = base->graph.to[from] & NODE;
	if (base->how)
		base->how[to] = base->how[from];
	if (is_root)
		base->roots[to] = base->roots[from];
}

static void compact(struct py_census *census)
{
	struct heap_census *base = &census->base;
	struct heap_graph *graph = &base->graph;
	uint64_t to = 0, from = 0;

	for (uint32_t n = 0; n < graph->nodes; n++) {
		uint64_t end = graph->row[n + 1];

		graph->row[n] = to;
		for (; from < end; from++)
			if (graph->to[from] != DROPPED)
				keep(base, from, to++, n == 0);
		if (n == 0)
			base->nroots = (uint32_t)to;
	}
	graph->row[graph->nodes] = graph->edges = to;
	tm_big_trim(graph->to, to, sizeof(*graph->to));
	if (base->how)
		tm_big_trim(base->how, to, sizeof(*base->how));
}

/* ---- what they leave unexplained -------------------------------------------------------- */

static enum heap_holder holder_of(const struct py_census *census, uint32_t node)
{
	if (census->found[node] >= census->refs[node])
		return HEAP_HELD;
	if (census->found[node] > 0)
		return HEAP_HOLDER_SURPLUS;
	return census->base.flags[node] & PY_POINTED_INTO ? HEAP_HOLDER_INSIDE
							   : HEAP_HOLDER_NONE;
}

static void judge(struct py_census *census, uint32_t node)
{
	struct heap_census *base = &census->base;
	enum heap_holder holder;

	if (base->flags[node] & HEAP_IMMORTAL)
		return;
	/* In a program that is not position-independent the heap is below 4 GiB:
	 * a pointer may pass for a count. */
	if (census->found[node] == 0 && census->refs[node] > NO_OBJECT_REFS &&
	    !(base->flags[node] & HEAP_TRACKED)) {
		base->flags[node] &= PY_HEADS;
		return;
	}
	holder = holder_of(census, node);
	base->flags[node] |= (uint16_t)(holder << HEAP_HOLDER_SHIFT);
	base->proof.unexplained += holder != HEAP_HELD;
	base->proof.ambiguous += census->found[node] > census->refs[node];
}

void py_certify(struct py_census *census)
{
	struct heap_census *base = &census->base;

	/* For buffers, `found` held their use. */
	for (uint32_t i = 1; i < base->graph.nodes; i++)
		if (heap_node_kind(base, i) != HEAP_OBJECT)
			census->found[i] = 0;
	count_exact(census);
	confirm(census, PY_LEVEL_BODY);
	confirm(census, PY_LEVEL_OWNED);
	confirm(census, PY_LEVEL_RAW);
	confirm(census, PY_LEVEL_ROOT);
	compact(census);
	for (uint32_t i = 1; i < base->graph.nodes; i++)
		if (heap_node_kind(base, i) == HEAP_OBJECT)
			judge(census, i);
	for (uint32_t i = 1; i < base->graph.nodes; i++)
		base->flags[i] &= (uint16_t)~PY_POINTED_INTO;
}
