/*
 * Who holds what alone: immediate dominators of every node that the root
 * reaches, and what each node retains.
 *
 * The algorithm is the simple one of Lengauer and Tarjan (1979), with path
 * compression: near linear on whatever a target makes of its heap, where the
 * shorter ones are quadratic on a linked list with an index. Nothing here
 * recurses. Leaves that have one holder only, half of a Python heap, are dealt
 * with before it.
 *
 * Memory: 8 bytes a node stay; while it runs 24 more a node that is no such
 * leaf, and 4 a reference to one of those.
 */
#ifndef TM_HEAP_DOMINATORS_H
#define TM_HEAP_DOMINATORS_H

#include <stdbool.h>
#include <stdint.h>

#include "heap/graph.h"

#define HEAP_NONE UINT32_MAX

struct heap_dominators {
	uint32_t *idom;  /* of each node; HEAP_NONE: the root, or garbage */
	uint32_t *order; /* those reached: each comes after its dominator */
	uint32_t norder;
};

/* False: more nodes (2^31) or references (2^32) than are counted. */
bool heap_dominators_init(struct heap_dominators *ret,
			  const struct heap_graph *graph);
void heap_dominators_deinit(struct heap_dominators *self); /* zeroed is fine */

/*
 * From each node's own figure to the sum over all that it dominates, in place:
 * from sizes to what each retains. Of garbage they stay as they are.
 */
void heap_dominators_sum(const struct heap_dominators *self, uint64_t *figures);

/* Is the node reached from the root? */
static inline bool heap_is_reached(const struct heap_dominators *self,
				   uint32_t node)
{
	return node == 0 || self->idom[node] != HEAP_NONE;
}

#endif
