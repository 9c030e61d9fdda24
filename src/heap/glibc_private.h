/*
 * The structures of glibc's malloc (malloc/malloc.c, arena.c), and what the
 * files that read them share. Private to src/heap.
 */
#ifndef TM_HEAP_GLIBC_PRIVATE_H
#define TM_HEAP_GLIBC_PRIVATE_H

#include "heap/glibc.h"

enum {
	/* struct malloc_state: mutex, ..., top, last_remainder, bins, ... */
	NBINS = 127,
	BINS_SIZE = NBINS * 16,
	TOP = -16,               /* from the bins on */
	NEXT = BINS_SIZE + 16, SYSTEM_MEM = BINS_SIZE + 40,
	STATE_END = BINS_SIZE + 48,
	FLAGS = 4, NONCONTIGUOUS = 2,
	/* struct malloc_chunk: prev_size, size, fd, bk */
	SIZE = 8, FD = 16, BK = 24,
	SIZE_BITS = 7,           /* of the size: PREV_INUSE and others */
	GLIBC_MMAPPED = 2,       /* IS_MMAPPED, one of them */
	MIN_CHUNK = 32,
	/* struct malloc_par, from sbrk_base on: n_mmaps, n_mmaps_max,
	 * max_n_mmaps, no_dyn_threshold, since 2.35 a gap, mmapped_mem ... */
	N_MMAPS = -32, N_MMAPS_2_35 = -36, MMAPPED = -16, MAX_MMAPPED = -8,
	PAR_HEAD = 40,
	/* struct heap_info of arenas other than the main one */
	HEAP_MAX = 64 << 20,
	INFO_ARENA = 0, INFO_PREV = 1, INFO_SIZE = 2, /* words */
	NFAST = 10,
	MAX_ARENAS = 4096,
	SCAN_LIMIT = 4 << 20,
	FIND_LIMIT = 1 << 20,    /* bins looked at until they are found */
};

/* Where the bins are in an arena, and its fast bins. */
struct glibc_variant {
	size_t bins, fast; /* fast 0: none */
};

enum { GLIBC_NVARIANTS = 3 };
extern const struct glibc_variant glibc_variants[GLIBC_NVARIANTS];

/* Where the heap of an arena ends: the end of its top chunk. */
bool glibc_top_end(struct tm_mem *mem, tm_addr bins, tm_addr *ret);

/* The heap_info of the last heap of an arena other than the main one. */
bool glibc_last_heap(struct tm_mem *mem, tm_addr arena, tm_addr end, tm_addr *ret);

/*
 * The memory of the main arena: one piece, which brk() has made; or several where that
 * failed, or glibc.malloc.hugetlb=2 keeps it from being asked. False: they
 * contradict what the arena says, or one was not found.
 */
struct glibc_pieces {
	struct tm_range *items;  /* in no order */
	size_t n, cap;
};
bool glibc_pieces_find(struct tm_mem *mem, const struct heap_glibc *heap,
		       struct glibc_pieces *ret);
void glibc_pieces_free(struct glibc_pieces *pieces); /* a guard; zeroed is fine */

#endif
