/*
 * What pymalloc's arenas hold, as sys._debugmallocstats() adds it up, over all
 * interpreters. Every pool begins with a header that counts its blocks:
 *
 *	{ uint count; freeblock; nextpool; prevpool; uint arenaindex, szidx,
 *	  nextoffset, maxnextoffset }
 */
#ifndef TM_PY_ARENAS_H
#define TM_PY_ARENAS_H

#include "py/obmalloc.h"

enum { PY_POOL_HEADER = 48 };

/* The size of a pool's blocks; 0 if the header is not plausible. */
uint32_t py_pool_block_size(const char *header, uint32_t pool_size);

struct py_arenas {
	struct py_arena_list list;
	/* The size of the arenas is the sum of these: */
	uint64_t blocks;      /* blocks in use */
	uint64_t free_blocks; /* unused blocks, in pools with some in use */
	uint64_t free_pools;  /* pools without a block in use */
	uint64_t overhead;    /* headers, the rest after the last block of a pool,
			       * and what is before the first pool */
};

/*
 * In memory that does not change, `maps` of the same instant. False if something
 * contradicts itself: a thread is in the middle of a change. Pools that
 * were used have pages, so there are not more than `max_pools`.
 */
bool py_arenas_read(struct tm_mem *mem, const struct tm_maps *maps,
		    const struct py_runtime *runtime,
		    const struct py_obmalloc *obmalloc, uint64_t max_pools,
		    struct py_arenas *ret);
void py_arenas_free(struct py_arenas *arenas); /* works as a guard */

#endif
