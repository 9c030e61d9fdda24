/* The used blocks of pymalloc's pools. */
#ifndef TM_PY_POOLS_H
#define TM_PY_POOLS_H

#include "heap/blocks.h"
#include "py/obmalloc.h"

/*
 * Add those of all arenas, in memory that does not change. A block that was ever
 * used is in use, or on the pool's list of free ones: false where the list and
 * the pool's count contradict each other. With `heads` (or NULL), the free ones of pools
 * that nobody wants any of are not told from the others.
 */
bool py_pools_add(struct tm_mem *mem, const struct py_runtime *runtime,
		  const struct py_arena_list *arenas, const struct heap_heads *heads,
		  struct heap_blocks *blocks);

/*
 * In a free-threaded build: the pages of its mimalloc (heap/mimalloc.h). Each segment
 * becomes an arena without pools. `heads`: as there. False: as above; without arenas, there
 * are no pages of a form that is known.
 */
bool py_pages_add(struct tm_mem *mem, const struct tm_maps *maps,
		  const struct heap_heads *heads, struct py_arena_list *arenas,
		  struct heap_blocks *blocks) TM_MUST_CHECK;

#endif
