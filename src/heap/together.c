#include "heap/together.h"

#include "base/big.h"

/*
 * Bit s of a node's mask: a path from the root leads to it past all nodes of
 * set s. The masks only grow; those that have grown are in the ring, once.
 */
#define REACHED (UINT64_C(1) << HEAP_SETS) /* no set takes it away */

struct work {
	const struct heap_graph *graph;
	const uint32_t *set;
	uint32_t nsets;
	uint64_t *mask;
	uint32_t *ring;    /* as many entries as nodes */
	uint8_t *waits;    /* in the ring */
	uint32_t head, count;
};

static uint64_t own_bit(const struct work *w, uint32_t node)
{
	return w->set[node] < w->nsets ? UINT64_C(1) << w->set[node] : 0;
}

static void push(struct work *w, uint32_t node)
{
	uint32_t at = w->head + w->count;

	if (w->waits[node])
		return;
	if (at >= w->graph->nodes || at < w->head)
		at -= w->graph->nodes;
	w->ring[at] = node;
	w->waits[node] = 1;
	w->count++;
}

static uint32_t pop(struct work *w)
{
	uint32_t node = w->ring[w->head];

	if (++w->head == w->graph->nodes)
		w->head = 0;
	w->waits[node] = 0;
	w->count--;
	return node;
}

static void spread(struct work *w, uint32_t node)
{
	const struct heap_graph *graph = w->graph;

	for (uint64_t e = graph->row[node]; e < graph->row[node + 1]; e++) {
		uint32_t to = graph->to[e];
		uint64_t more = w->mask[node] & ~own_bit(w, to) & ~w->mask[to];

		if (!more)
			continue;
		w->mask[to] |= more;
		if (graph->row[to] != graph->row[to + 1])
			push(w, to);
	}
}

/* A node that lacks the bit of a set that it is not in would be lost with that set. */
static void add_lost(const struct work *w, const struct heap_census *census,
		     uint64_t *ret)
{
	uint64_t all = (UINT64_C(1) << w->nsets) - 1;

	for (uint32_t node = 1; node < w->graph->nodes; node++) {
		uint64_t lost = all & ~w->mask[node] & ~own_bit(w, node);

		if (!lost || !(w->mask[node] & REACHED))
			continue;
		for (; lost; lost &= lost - 1)
			ret[__builtin_ctzll(lost)] += census->ops->size(census, node);
	}
}

void heap_retained_together(const struct heap_census *census, const uint32_t *set,
			    uint32_t nsets, uint64_t *ret)
{
	uint32_t n = census->graph.nodes;
	struct work w = {
		.graph = &census->graph, .set = set, .nsets = nsets,
		.mask = tm_big_alloc(n, sizeof(*w.mask)),
		.ring = tm_big_alloc(n, sizeof(*w.ring)),
		.waits = tm_big_alloc(n, sizeof(*w.waits)),
	};

	w.mask[0] = UINT64_MAX;
	push(&w, 0);
	while (w.count)
		spread(&w, pop(&w));
	add_lost(&w, census, ret);
	tm_big_free(w.mask);
	tm_big_free(w.ring);
	tm_big_free(w.waits);
}
