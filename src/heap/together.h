/*
 * What a set of nodes retains together: what the root would no longer reach if
 * all of them went away. More than the sum over its nodes, where several of them
 * hold something that nobody else does.
 */
#ifndef TM_HEAP_TOGETHER_H
#define TM_HEAP_TOGETHER_H

#include "heap/census.h"

enum { HEAP_SETS = 63 };

/*
 * Of up to HEAP_SETS sets at once: `set[node]` is the number of the set that a
 * node is in, or any other number. Adds to ret[set] the sizes of the nodes that
 * are in no such set and become unreachable without it. Walks an edge at most
 * HEAP_SETS times, mostly twice.
 */
void heap_retained_together(const struct heap_census *census, const uint32_t *set,
			    uint32_t nsets, uint64_t *ret);

#endif
