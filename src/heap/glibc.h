/*
 * What glibc's malloc holds, as mallinfo2() adds it up: for each arena the
 * memory it has from the system, less what is free in its bins, its fast bins
 * and above its top; and the blocks that have mappings of their own.
 *
 * Its variables have no symbols. main_arena is found by its bins, each of
 * which is empty and points to itself, or leads to a chunk that points back;
 * where the bins stand in it tells its version. struct malloc_par is found by
 * sbrk_base, with which the heap begins that ends at main_arena's top; or, where that
 * is made of several mappings, the first of them.
 */
#ifndef TM_HEAP_GLIBC_H
#define TM_HEAP_GLIBC_H

#include "heap/blocks.h"
#include "mem/mem.h"
#include "target/maps.h"

struct heap_glibc {
	tm_addr main_arena;
	size_t bins;         /* where they are in an arena */
	tm_addr sbrk_base;   /* mp_.sbrk_base */
	const struct tm_maps *maps; /* of the instant that is read; borrowed */
};

/* False if there is no such allocator: musl, or one that has not been used. */
bool heap_glibc_find(struct tm_mem *mem, const struct tm_maps *maps,
		     struct heap_glibc *ret);

struct heap_figures {
	uint64_t size;  /* from the system, resident or not: used + free */
	uint64_t used;  /* with headers; what threads keep at hand is used, too */
	uint64_t free;
	size_t chunks;  /* free ones that were seen */
	size_t arenas;
	uint64_t arena_free; /* of the arena with the most */
};

/* What reading comes by, for who wants to know where it is. */
struct heap_visit {
	/* A free chunk; what is above a top is none of `figures.chunks`. Those of fast
	 * bins look used. May be NULL. */
	void (*free)(void *ctx, tm_addr at, uint64_t size, bool fast);
	/* A piece of an arena's heap; may be NULL. */
	void (*heap)(void *ctx, tm_addr start, tm_addr end);
	void *ctx;
};

enum heap_result {
	HEAP_TOLD,
	HEAP_CONTRADICTS, /* a thread is in the middle of a change */
	HEAP_TOO_MANY,    /* more than `limit` free chunks */
};

/* In memory that does not change. `visit` may be NULL. */
enum heap_result heap_glibc_read(struct tm_mem *mem,
				 const struct heap_glibc *heap, size_t limit,
				 const struct heap_visit *visit,
				 struct heap_figures *ret);

/*
 * Add the chunks in use to the blocks, but not those with mappings of their
 * own: every chain from chunk to chunk ends at a top, every arena's mutex is
 * free, and every chunk that is not in use is in a bin. `heads` may be NULL.
 */
enum heap_result heap_glibc_chunks(struct tm_mem *mem, const struct heap_glibc *heap,
				   const struct heap_heads *heads,
				   struct heap_blocks *blocks);
/*
 * Those with mappings, in memory that `blocks` does not hold yet: as many, and
 * as many bytes, as malloc has counted. At most `pages` are looked at. `heads` may be
 * NULL.
 */
enum { HEAP_LARGE_PAGES = 1 << 22 };
enum heap_result heap_glibc_large(struct tm_mem *mem, const struct tm_maps *maps,
				  const struct heap_glibc *heap, uint32_t pages,
				  const struct heap_heads *heads,
				  struct heap_blocks *blocks);

#endif
