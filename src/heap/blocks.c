#include "heap/blocks_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/big.h"

enum {
	NGIBS = 1 << (47 - BLOCKS_GIB_SHIFT),
	SPAN_MAX = 1 << 24,          /* pages */
	MAX_POOL = 1 << 16,
	MAX_POOL_BLOCK = 1024,
};

void heap_blocks_free(struct heap_blocks *blocks)
{
	for (size_t i = 0; blocks->map && i < NGIBS; i++)
		tm_big_free(blocks->map[i]);
	tm_big_free(blocks->map);
	tm_big_free(blocks->pools);
	tm_big_free(blocks->bits);
	free(blocks->spans);
	tm_big_free(blocks->pages);
	tm_big_free(blocks->units);
	free(blocks->larges);
	*blocks = (struct heap_blocks){ 0 };
}

/* Room for `more` items in an array that doubles. */
static void *room(void *array, uint32_t *cap, uint32_t n, uint32_t more, size_t size)
{
	if (n + more <= *cap)
		return array;
	*cap = (n + more) * 2 < 1024 ? 1024 : (n + more) * 2;
	return tm_big_grow(array, *cap, size);
}

/* ---- the map of pages ----------------------------------------------------------- */

static bool map_page(struct heap_blocks *blocks, tm_addr at, uint32_t value)
{
	uint32_t **gib, *entry;

	if (at >> 47 != 0)
		return false;
	if (!blocks->map)
		blocks->map = tm_big_alloc(NGIBS, sizeof(*blocks->map));
	gib = &blocks->map[at >> BLOCKS_GIB_SHIFT];
	if (!*gib)
		*gib = tm_big_alloc(BLOCKS_GIB_PAGES, sizeof(**gib));
	entry = &(*gib)[at >> BLOCKS_PAGE_SHIFT & (BLOCKS_GIB_PAGES - 1)];
	if (*entry != 0)
		return false;
	*entry = value;
	return true;
}

/* ---- adding --------------------------------------------------------------------- */

/* `shape` without what is the same for all. */
static bool add_pool(struct heap_blocks *blocks, struct heap_pool shape,
		     const uint64_t *used)
{
	const uint32_t slots = shape.slots, words = (slots + 63) / 64;
	struct heap_pool *pool;

	for (uint32_t i = 0; i < shape.pages; i++)
		if (!map_page(blocks, shape.at + (tm_addr)i * TM_PAGE, blocks->npools + 1))
			return false;
	blocks->pools = room(blocks->pools, &blocks->cap_pools, blocks->npools, 1,
			     sizeof(*blocks->pools));
	pool = &blocks->pools[blocks->npools++];
	*pool = shape;
	pool->first = blocks->n;
	pool->bits = UINT32_MAX;
	pool->used = slots;
	pool->magic = ((uint64_t)1 << BLOCKS_MAGIC_SHIFT) / shape.size + 1;
	if (used) {
		blocks->bits = room(blocks->bits, &blocks->cap_bits, blocks->nbits,
				    words, sizeof(*blocks->bits));
		memcpy(blocks->bits + blocks->nbits, used, words * sizeof(*used));
		pool->bits = blocks->nbits;
		blocks->nbits += words;
		pool->used = blocks_count_bits(used, slots);
	}
	blocks->n += pool->used;
	blocks->nsmall = blocks->nlarge = blocks->n;
	return blocks->n < HEAP_MAX_NODES;
}

bool heap_blocks_add_pool(struct heap_blocks *blocks, tm_addr at, uint32_t size,
			  uint32_t pool_size, uint32_t slots, const uint64_t *used)
{
	if (blocks->n == 0)
		blocks->n = 1;
	if (size < 8 || size > MAX_POOL_BLOCK || at % TM_PAGE || pool_size > MAX_POOL ||
	    slots == 0 || slots > HEAP_MAX_SLOTS ||
	    (uint64_t)slots * size + HEAP_POOL_HEADER > pool_size)
		return false;
	return add_pool(blocks, (struct heap_pool){
		.at = at, .size = size, .slots = (uint16_t)slots,
		.pages = (uint16_t)(pool_size / TM_PAGE), .header = HEAP_POOL_HEADER,
	}, used);
}

bool heap_blocks_add_row(struct heap_blocks *blocks, tm_addr at, uint32_t size,
			 uint32_t slots, const uint64_t *used, uint8_t tag)
{
	const uint32_t header = at % TM_PAGE;

	if (blocks->n == 0)
		blocks->n = 1;
	if (size < 8 || size % 8 || at % 8 || slots == 0 || slots > HEAP_ROW_SLOTS ||
	    (uint64_t)slots * size > HEAP_ROW_BYTES)
		return false;
	return add_pool(blocks, (struct heap_pool){
		.at = at - header, .size = size, .slots = (uint16_t)slots,
		.pages = (uint16_t)((header + slots * size + TM_PAGE - 1) / TM_PAGE),
		.header = (uint16_t)header, .tag = tag,
	}, used);
}

bool heap_blocks_add_span(struct heap_blocks *blocks, tm_addr start, tm_addr end)
{
	tm_addr first = start / TM_PAGE * TM_PAGE;
	tm_addr last = (end + TM_PAGE - 1) / TM_PAGE * TM_PAGE;
	uint64_t npages = (last - first) / TM_PAGE;

	if (blocks->n == 0)
		blocks->n = blocks->nsmall = blocks->nlarge = 1;
	if (end <= start || npages > SPAN_MAX - blocks->npages)
		return false;
	blocks->spans = tm_grow(blocks->spans, &blocks->cap_spans, blocks->nspans + 1,
				sizeof(*blocks->spans));
	blocks->spans[blocks->nspans++] = (struct heap_span){
		start, end, blocks->npages,
	};
	blocks->pages = room(blocks->pages, &blocks->cap_pages, blocks->npages,
			     (uint32_t)npages, sizeof(*blocks->pages));
	for (uint64_t i = 0; i < npages; i++) {
		uint32_t number = blocks->npages++;

		blocks->pages[number] = (struct heap_page){ .first = blocks->nunits };
		if (!map_page(blocks, first + i * TM_PAGE, number | BLOCKS_CHUNKS))
			return false;
	}
	return true;
}

bool heap_blocks_add_chunk(struct heap_blocks *blocks, tm_addr at, uint64_t size)
{
	const struct heap_span *span = &blocks->spans[blocks->nspans - 1];
	tm_addr base = span->start / TM_PAGE * TM_PAGE;
	struct heap_page *page;
	uint32_t bit = at % TM_PAGE / 16;

	if (at < span->start || at >= span->end || size > span->end - at || at % 16 ||
	    blocks->nunits >= HEAP_MAX_NODES)
		return false;
	page = &blocks->pages[span->page + (at - base) / TM_PAGE];
	page->bits[bit / 64] |= (uint64_t)1 << bit % 64;
	blocks->units = room(blocks->units, &blocks->cap_units, blocks->nunits, 1,
			     sizeof(*blocks->units));
	/* What the next chunk's first word offers is rounded away, and given
	 * back by heap_blocks_size(). */
	blocks->units[blocks->nunits++] = (uint32_t)(size / 16);
	return true;
}

static bool add_large(struct heap_blocks *blocks, struct heap_large large)
{
	if (blocks->n == 0)
		blocks->n = blocks->nsmall = blocks->nlarge = 1;
	if (blocks->nlarges >= HEAP_MAX_NODES)
		return false;
	blocks->larges = tm_grow(blocks->larges, &blocks->cap_larges,
				 blocks->nlarges + 1, sizeof(*blocks->larges));
	blocks->larges[blocks->nlarges++] = large;
	blocks->nestimated += large.estimated;
	return large.size > 0 && large.at + large.size > large.at;
}

bool heap_blocks_add_large(struct heap_blocks *blocks, tm_addr at, uint64_t size)
{
	return at % 16 == 0 && add_large(blocks, (struct heap_large){ .at = at, .size = size });
}

bool heap_blocks_add_whole(struct heap_blocks *blocks, tm_addr at, uint64_t size,
			   uint8_t tag)
{
	return at % 16 == 0 && add_large(blocks, (struct heap_large){
		.at = at, .size = size, .whole = true, .tag = tag,
	});
}

bool heap_blocks_add_estimated(struct heap_blocks *blocks, tm_addr at, uint64_t size)
{
	return at % 8 == 0 && add_large(blocks, (struct heap_large){
		.at = at, .size = size, .estimated = true,
	});
}

/* ---- chunks by their address -------------------------------------------------------- */

/* Bases of pages as long as chunks are added: count until there. */
static void number_pages(struct heap_blocks *blocks)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < blocks->npages; i++) {
		blocks->pages[i].first = next;
		next += blocks_count_bits(blocks->pages[i].bits, HEAP_PAGE_BITS);
	}
}

static uint32_t *units_at(const struct heap_blocks *blocks, tm_addr at)
{
	uint32_t value = blocks_mapped(blocks, at), bit = at % TM_PAGE / 16, found;
	const struct heap_page *page;
	int rank;

	if (!(value & BLOCKS_CHUNKS) || at % 16)
		return NULL;
	page = &blocks->pages[value & ~BLOCKS_CHUNKS];
	if (!(page->bits[bit / 64] >> bit % 64 & 1))
		return NULL;
	rank = blocks_rank(page, bit, &found);
	return &blocks->units[page->first + (uint32_t)rank];
}

uint64_t heap_blocks_chunk(const struct heap_blocks *blocks, tm_addr at)
{
	const uint32_t *units = units_at(blocks, at);

	return units ? (uint64_t)*units * 16 : 0;
}

bool heap_blocks_drop_chunk(struct heap_blocks *blocks, tm_addr at)
{
	uint32_t *units = units_at(blocks, at);

	if (!units || *units == 0)
		return false;
	*units = 0;
	return true;
}

void heap_blocks_settle(struct heap_blocks *blocks)
{
	number_pages(blocks);
}

static void clear_dropped(struct heap_blocks *blocks)
{
	uint32_t from = 0, to = 0;

	for (uint32_t i = 0; i < blocks->npages; i++)
		for (uint32_t w = 0; w < HEAP_PAGE_BITS / 64; w++) {
			uint64_t bits = blocks->pages[i].bits[w];

			for (uint64_t left = bits; left; left &= left - 1) {
				uint32_t units = blocks->units[from++];

				if (units == 0)
					bits &= ~(left & -left);
				else
					blocks->units[to++] = units;
			}
			blocks->pages[i].bits[w] = bits;
		}
	blocks->nunits = to;
}

static int compare_large(const void *left, const void *right)
{
	const struct heap_large *a = left, *b = right;

	return (a->at > b->at) - (a->at < b->at);
}

/* What one says that is estimated ends before the next. */
static bool number_larges(struct heap_blocks *blocks)
{
	for (uint32_t i = 0; i < blocks->nlarges; i++) {
		struct heap_large *before = &blocks->larges[i ? i - 1 : 0];
		const uint64_t distance = blocks->larges[i].at - before->at;

		blocks->larges[i].number = blocks->n++;
		if (i == 0 || distance >= before->size)
			continue;
		if (distance == 0 || !before->estimated)
			return false;
		before->size = distance;
	}
	return true;
}

bool heap_blocks_finish(struct heap_blocks *blocks)
{
	if (blocks->n == 0)
		blocks->n = blocks->nsmall = blocks->nlarge = 1;
	clear_dropped(blocks);
	number_pages(blocks);
	if ((uint64_t)blocks->n + blocks->nunits + blocks->nlarges >= HEAP_MAX_NODES)
		return false;
	for (uint32_t i = 0; i < blocks->npages; i++)
		blocks->pages[i].first += blocks->nsmall;
	blocks->nlarge = blocks->n = blocks->nsmall + blocks->nunits;
	if (blocks->nlarges)
		qsort(blocks->larges, blocks->nlarges, sizeof(*blocks->larges),
		      compare_large);
	return number_larges(blocks);
}
