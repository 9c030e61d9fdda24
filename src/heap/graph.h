/*
 * Who refers to whom, as compressed rows of u32. Knows no Python. Node 0 is
 * the root of all: its row holds what is alive by itself.
 */
#ifndef TM_HEAP_GRAPH_H
#define TM_HEAP_GRAPH_H

#include <stdint.h>

/* A zeroed struct is empty. */
struct heap_graph {
	uint32_t nodes;  /* node 0 included */
	uint64_t edges;
	uint64_t *row;   /* nodes + 1: edges [row[n], row[n + 1]) start at n */
	uint32_t *to;    /* edges; an edge may occur twice, or lead to its start */
};

/* The arrays were made by tm_big_alloc() (base/big.h). */
void heap_graph_free(struct heap_graph *graph); /* works as a guard */

#endif
