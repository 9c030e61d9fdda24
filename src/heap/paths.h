/*
 * Why is it alive: for every node one shortest path from the roots. Those that
 * can be named come first: what a module leads to has a path from a module,
 * however long, then what the locals of a thread lead to, and so on in the order
 * of enum heap_root_kind. Breadth first, no recursion.
 */
#ifndef TM_HEAP_PATHS_H
#define TM_HEAP_PATHS_H

#include "heap/census.h"

#define HEAP_NO_EDGE UINT32_MAX

struct heap_paths {
	uint32_t *via; /* by node: the edge it is reached by; HEAP_NO_EDGE: it is
			  the root, or not reached */
};

/* False: more references than are counted (2^32). */
bool heap_paths_init(struct heap_paths *ret, const struct heap_census *census);
void heap_paths_deinit(struct heap_paths *self); /* zeroed is fine */

/* The node that an edge starts from. */
uint32_t heap_edge_start(const struct heap_graph *graph, uint64_t edge);

#endif
