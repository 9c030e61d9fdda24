#include "heap/paths.h"

#include "base/big.h"
#include "base/search.h"

struct walk {
	const struct heap_graph *graph;
	uint32_t *via;
	uint32_t *queue;
	uint32_t head, tail;
};

static void reach(struct walk *walk, uint64_t edge)
{
	uint32_t to = walk->graph->to[edge];

	if (to == 0 || walk->via[to] != HEAP_NO_EDGE)
		return;
	walk->via[to] = (uint32_t)edge;
	walk->queue[walk->tail++] = to;
}

static void drain(struct walk *walk)
{
	const struct heap_graph *graph = walk->graph;

	while (walk->head < walk->tail) {
		uint32_t node = walk->queue[walk->head++];

		for (uint64_t e = graph->row[node]; e < graph->row[node + 1]; e++)
			reach(walk, e);
	}
}

static void reach_roots(struct walk *walk, const struct heap_census *census,
			enum heap_root_kind kind)
{
	const struct heap_graph *graph = walk->graph;
	uint64_t first = graph->row[0];

	for (uint64_t e = first; e < graph->row[1]; e++)
		if (e - first < census->nroots && census->roots[e - first].kind == kind)
			reach(walk, e);
	drain(walk);
}

bool heap_paths_init(struct heap_paths *ret, const struct heap_census *census)
{
	const struct heap_graph *graph = &census->graph;
	struct walk walk = { .graph = graph };

	if (graph->edges >= HEAP_NO_EDGE)
		return false;
	walk.via = tm_big_alloc(graph->nodes, sizeof(*walk.via));
	walk.queue = tm_big_alloc(graph->nodes, sizeof(*walk.queue));
	for (uint32_t node = 0; node < graph->nodes; node++)
		walk.via[node] = HEAP_NO_EDGE;
	for (int kind = HEAP_ROOT_MODULE; kind <= HEAP_ROOT_IMMORTAL; kind++)
		reach_roots(&walk, census, (enum heap_root_kind)kind);
	tm_big_free(walk.queue);
	ret->via = walk.via;
	return true;
}

void heap_paths_deinit(struct heap_paths *self)
{
	tm_big_free(self->via);
	*self = (struct heap_paths){ 0 };
}

uint32_t heap_edge_start(const struct heap_graph *graph, uint64_t edge)
{
	return (uint32_t)TM_LOWER_BOUND(graph->nodes, node,
					graph->row[node + 1] <= edge);
}
