/*
 * Free chunks that threads keep for themselves, which look used
 * (malloc/malloc.c: struct tcache_perthread_struct):
 *
 *	2.26 to 2.29   { char counts[64]; entries[64] }
 *	2.30 to 2.41   { uint16_t counts[64]; entries[64] }
 *	2.42 on        { uint16_t num_slots[76]; entries[76] }: slots left
 *
 * There is one for each thread that has called malloc, in any chunk of that
 * size. The entries of a bin form a list, whose links are disguised since 2.32.
 */
#ifndef TM_HEAP_TCACHE_H
#define TM_HEAP_TCACHE_H

#include "heap/blocks.h"

struct heap_tcaches {
	struct heap_tcache { tm_addr at; uint64_t size; } *items;
	size_t n, cap;
};

void heap_tcaches_free(struct heap_tcaches *tcaches);
/* May a chunk of this size be one? */
bool heap_tcache_sized(uint64_t chunk_size);
void heap_tcaches_add(struct heap_tcaches *tcaches, tm_addr at, uint64_t chunk_size);
/* Remove the chunks in those that prove to be caches. */
void heap_tcaches_drop(const struct heap_tcaches *tcaches, struct tm_mem *mem,
		       struct heap_blocks *blocks);

#endif
