/* How blocks.h finds the page of an address. Private to src/heap. */
#ifndef TM_HEAP_BLOCKS_PRIVATE_H
#define TM_HEAP_BLOCKS_PRIVATE_H

#include "heap/blocks.h"

enum {
	BLOCKS_PAGE_SHIFT = 12,
	BLOCKS_GIB_SHIFT = 30,
	BLOCKS_GIB_PAGES = 1 << (BLOCKS_GIB_SHIFT - BLOCKS_PAGE_SHIFT),
	BLOCKS_MAGIC_SHIFT = 40,     /* of heap_pool.magic: an offset times a size is less */
};
#define BLOCKS_CHUNKS 0x80000000u

/* 0: no pool and no chunks. */
static inline uint32_t blocks_mapped(const struct heap_blocks *blocks, tm_addr at)
{
	const uint32_t *gib;

	if (at >> 47 != 0 || !blocks->map)
		return 0;
	gib = blocks->map[at >> BLOCKS_GIB_SHIFT];
	return gib ? gib[at >> BLOCKS_PAGE_SHIFT & (BLOCKS_GIB_PAGES - 1)] : 0;
}

static inline uint32_t blocks_count_bits(const uint64_t *bits, uint32_t n)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < n / 64; i++)
		sum += (uint32_t)__builtin_popcountll(bits[i]);
	if (n % 64)
		sum += (uint32_t)__builtin_popcountll(bits[n / 64] &
						      (((uint64_t)1 << n % 64) - 1));
	return sum;
}

/* The rank among the chunks of the page of the last that begins at or before
 * the bit; -1: none. */
static inline int blocks_rank(const struct heap_page *page, uint32_t bit,
			      uint32_t *ret_bit)
{
	int rank = -1;

	for (uint32_t w = 0; w <= bit / 64; w++) {
		uint64_t bits = page->bits[w];

		if (w == bit / 64)
			bits &= ~(uint64_t)0 >> (63 - bit % 64);
		if (bits) {
			rank += __builtin_popcountll(bits);
			*ret_bit = w * 64 + 63 - (uint32_t)__builtin_clzll(bits);
		}
	}
	return rank;
}

#endif
