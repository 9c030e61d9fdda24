/* Graphs for the tests of the heap's algorithms, from pairs of nodes. */
#ifndef TM_TESTS_HEAP_GRAPH_H
#define TM_TESTS_HEAP_GRAPH_H

#include <stdlib.h>

#include "base/alloc.h"
#include "base/big.h"
#include "heap/graph.h"

struct pairs {
	uint32_t n;              /* nodes */
	size_t count, cap;
	struct pair {
		uint32_t from, to;
	} *items;
};

static inline void pairs_add(struct pairs *pairs, uint32_t from, uint32_t to)
{
	pairs->items = tm_grow(pairs->items, &pairs->cap, pairs->count + 1,
			       sizeof(*pairs->items));
	pairs->items[pairs->count++] = (struct pair){ from, to };
	if (from >= pairs->n)
		pairs->n = from + 1;
	if (to >= pairs->n)
		pairs->n = to + 1;
}

/* The pairs are gone afterwards; rows keep their order. */
static inline struct heap_graph pairs_graph(struct pairs *pairs)
{
	struct heap_graph graph = {
		.nodes = pairs->n, .edges = pairs->count,
	};

	graph.row = tm_big_alloc((size_t)pairs->n + 2, sizeof(*graph.row));
	graph.to = tm_big_alloc(pairs->count + 1, sizeof(*graph.to));
	for (size_t i = 0; i < pairs->count; i++)
		graph.row[pairs->items[i].from + 2]++;
	for (uint32_t node = 0; node < pairs->n; node++)
		graph.row[node + 2] += graph.row[node + 1];
	for (size_t i = 0; i < pairs->count; i++)
		graph.to[graph.row[pairs->items[i].from + 1]++] =
			pairs->items[i].to;
	free(pairs->items);
	*pairs = (struct pairs){ 0 };
	return graph;
}

static inline uint32_t roll(uint64_t *state, uint32_t n)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)((*state >> 33) % n);
}

/* A linked list, each node with a payload, and an index of all payloads: what
 * an LRU cache is. Nodes: 1 holds the list, 2 the index. */
static inline struct heap_graph linked_list(uint32_t length)
{
	struct pairs pairs = { 0 };

	pairs_add(&pairs, 0, 1);
	pairs_add(&pairs, 0, 2);
	pairs_add(&pairs, 1, 3);
	for (uint32_t i = 0; i < length; i++) {
		pairs_add(&pairs, 3 + 2 * i, 4 + 2 * i);
		if (i + 1 < length)
			pairs_add(&pairs, 3 + 2 * i, 5 + 2 * i);
		pairs_add(&pairs, 2, 4 + 2 * i);
	}
	return pairs_graph(&pairs);
}

#endif
