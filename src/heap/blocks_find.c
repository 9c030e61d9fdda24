#include "base/search.h"
#include "heap/blocks_private.h"

bool heap_blocks_covers(const struct heap_blocks *blocks, tm_addr at)
{
	return blocks_mapped(blocks, at) != 0;
}

static uint32_t find_slot(const struct heap_blocks *blocks,
			  const struct heap_pool *pool, tm_addr at, uint64_t *ret_off)
{
	uint64_t off = at - pool->at - pool->header;
	const uint64_t *bits;
	uint32_t slot;

	if (off >= (uint64_t)pool->slots * pool->size)
		return 0;
	slot = (uint32_t)(off * pool->magic >> BLOCKS_MAGIC_SHIFT);
	*ret_off = off - (uint64_t)slot * pool->size;
	if (pool->bits == UINT32_MAX)
		return pool->first + slot;
	bits = blocks->bits + pool->bits;
	if (!(bits[slot / 64] >> slot % 64 & 1))
		return 0;
	return pool->first + blocks_count_bits(bits, slot);
}

static uint32_t find_large(const struct heap_blocks *blocks, tm_addr at,
			   uint64_t *ret_off)
{
	size_t i = TM_LOWER_BOUND(blocks->nlarges, k, blocks->larges[k].at <= at);

	if (i == 0 || at - blocks->larges[i - 1].at >= blocks->larges[i - 1].size)
		return 0;
	*ret_off = at - blocks->larges[i - 1].at;
	return blocks->larges[i - 1].number;
}

/* The chunk may begin pages before. */
static uint32_t find_chunk(const struct heap_blocks *blocks, uint32_t number,
			   tm_addr at, uint64_t *ret_off)
{
	const struct heap_page *page = &blocks->pages[number];
	uint32_t bit = 0;
	int rank = blocks_rank(page, at % TM_PAGE / 16, &bit);
	tm_addr start;
	uint32_t chunk;

	if (rank >= 0) {
		chunk = page->first + (uint32_t)rank;
		start = at / TM_PAGE * TM_PAGE + bit * 16;
	} else {
		if (page->first == blocks->nsmall)
			return 0;
		chunk = page->first - 1;
		start = heap_blocks_address(blocks, chunk);
	}
	if (start > at || at - start >= heap_blocks_size(blocks, chunk))
		return 0;
	*ret_off = at - start;
	return chunk;
}

uint32_t heap_blocks_find(const struct heap_blocks *blocks, tm_addr at,
			  uint64_t *ret_off)
{
	uint32_t value = blocks_mapped(blocks, at);

	if (value == 0)
		return blocks->nlarges ? find_large(blocks, at, ret_off) : 0;
	if (value & BLOCKS_CHUNKS)
		return find_chunk(blocks, value & ~BLOCKS_CHUNKS, at, ret_off);
	return find_slot(blocks, &blocks->pools[value - 1], at, ret_off);
}

/* The bit number `rank` that is set. */
static uint32_t select_bit(const uint64_t *bits, uint32_t rank)
{
	uint32_t w = 0;
	uint64_t left;

	for (;; w++) {
		uint32_t n = (uint32_t)__builtin_popcountll(bits[w]);

		if (rank < n)
			break;
		rank -= n;
	}
	for (left = bits[w]; rank > 0; rank--)
		left &= left - 1;
	return w * 64 + (uint32_t)__builtin_ctzll(left);
}

static const struct heap_pool *pool_of(const struct heap_blocks *blocks, uint32_t number)
{
	size_t i = TM_LOWER_BOUND(blocks->npools, k, blocks->pools[k].first <= number);

	/* Pools without used blocks share their first with the next. */
	return &blocks->pools[i - 1];
}

static tm_addr chunk_address(const struct heap_blocks *blocks, uint32_t number)
{
	size_t i = TM_LOWER_BOUND(blocks->npages, k, blocks->pages[k].first <= number);
	const struct heap_page *page = &blocks->pages[i - 1];
	size_t s = TM_LOWER_BOUND(blocks->nspans, k, blocks->spans[k].page <= i - 1);
	const struct heap_span *span = &blocks->spans[s - 1];
	tm_addr base = span->start / TM_PAGE * TM_PAGE;

	return base + (i - 1 - span->page) * TM_PAGE +
	       select_bit(page->bits, number - page->first) * 16;
}

tm_addr heap_blocks_address(const struct heap_blocks *blocks, uint32_t number)
{
	const struct heap_pool *pool;
	uint32_t slot;

	if (number == 0 || number >= blocks->n)
		return 0;
	if (number >= blocks->nlarge)
		return blocks->larges[number - blocks->nlarge].at;
	if (number >= blocks->nsmall)
		return chunk_address(blocks, number);
	pool = pool_of(blocks, number);
	slot = number - pool->first;
	if (pool->bits != UINT32_MAX)
		slot = select_bit(blocks->bits + pool->bits, slot);
	return pool->at + pool->header + (tm_addr)slot * pool->size;
}

uint64_t heap_blocks_size(const struct heap_blocks *blocks, uint32_t number)
{
	if (number == 0 || number >= blocks->n)
		return 0;
	if (number >= blocks->nlarge)
		return blocks->larges[number - blocks->nlarge].size;
	if (number >= blocks->nsmall)
		/* From the chunk's user part to the next one's, less its size word. */
		return (uint64_t)blocks->units[number - blocks->nsmall] * 16 - 8;
	return pool_of(blocks, number)->size;
}

uint32_t heap_blocks_share(const struct heap_blocks *blocks, uint32_t number)
{
	const struct heap_large *large;

	if (number < blocks->nsmall || number >= blocks->n)
		return 0;
	if (number < blocks->nlarge)
		return 8;
	large = &blocks->larges[number - blocks->nlarge];
	return large->estimated || large->whole ? 0 : 16;
}

bool heap_blocks_estimated(const struct heap_blocks *blocks, uint32_t number)
{
	return number >= blocks->nlarge && number < blocks->n &&
	       blocks->larges[number - blocks->nlarge].estimated;
}
