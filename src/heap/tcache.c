#include "heap/tcache.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"

enum { MAX_BINS = 76, MAX_CHAIN = 1 << 16, SMALL_BINS = 64, MIN_CHUNK = 32 };

static const struct shape {
	uint64_t chunk_size;
	unsigned bins, count_size;
	bool slots;              /* counts are of slots left */
} shapes[] = {
	{ 0x250, 64, 1, false },
	{ 0x290, 64, 2, false },
	{ 0x300, 76, 2, true },
};

enum { NSHAPES = sizeof(shapes) / sizeof(shapes[0]) };

static const struct shape *shape_of(uint64_t chunk_size)
{
	for (size_t i = 0; i < NSHAPES; i++)
		if (shapes[i].chunk_size == chunk_size)
			return &shapes[i];
	return NULL;
}

bool heap_tcache_sized(uint64_t chunk_size)
{
	return shape_of(chunk_size) != NULL;
}

void heap_tcaches_free(struct heap_tcaches *tcaches)
{
	free(tcaches->items);
	*tcaches = (struct heap_tcaches){ 0 };
}

void heap_tcaches_add(struct heap_tcaches *tcaches, tm_addr at, uint64_t chunk_size)
{
	tcaches->items = tm_grow(tcaches->items, &tcaches->cap, tcaches->n + 1,
				 sizeof(*tcaches->items));
	tcaches->items[tcaches->n++] = (struct heap_tcache){ at, chunk_size };
}

/* One cache as it is read: the chunks in it. */
struct cache {
	struct tm_mem *mem;
	const struct heap_blocks *blocks;
	const struct shape *shape;
	bool disguised;
	tm_addr *entries;
	size_t n, cap;
	uint32_t counts[MAX_BINS], lengths[MAX_BINS];
};

static void cache_free(struct cache *cache)
{
	free(cache->entries);
}

/* Chunks of small bins have the size of the bin. */
static bool fits(const struct cache *cache, unsigned bin, tm_addr at)
{
	uint64_t size = heap_blocks_chunk(cache->blocks, at);

	return size != 0 &&
	       (bin >= SMALL_BINS || size == MIN_CHUNK + (uint64_t)bin * 16);
}

static bool read_chain(struct cache *cache, unsigned bin, tm_addr at)
{
	uint32_t length = 0;

	while (at) {
		struct tm_err err;
		uint64_t next;

		if (++length > MAX_CHAIN || !fits(cache, bin, at) ||
		    !tm_mem_u64(cache->mem, at, &next, &err))
			return false;
		cache->entries = tm_grow(cache->entries, &cache->cap, cache->n + 1,
					 sizeof(*cache->entries));
		cache->entries[cache->n++] = at;
		at = cache->disguised ? next ^ at >> 12 : next;
	}
	cache->lengths[bin] = length;
	return true;
}

/* Do its counts agree with the lengths of its lists? Counts of slots that are
 * left, with the same sum for all bins that are in use at all. */
static bool counts_agree(const struct cache *cache)
{
	uint32_t most = cache->counts[0] + cache->lengths[0];
	bool lengths = true, slots = cache->shape->slots;

	for (unsigned i = 0; i < cache->shape->bins; i++) {
		uint32_t sum = cache->counts[i] + cache->lengths[i];

		lengths &= cache->counts[i] == cache->lengths[i];
		slots &= sum == most || sum == 0;
	}
	return lengths || slots;
}

static bool read_cache(struct cache *cache, tm_addr at)
{
	const struct shape *shape = cache->shape;
	char bytes[MAX_BINS * 10];
	size_t entries = shape->bins * shape->count_size;
	struct tm_err err;

	cache->n = 0;
	if (!tm_mem_read(cache->mem, at, bytes, entries + shape->bins * 8, &err))
		return false;
	for (unsigned i = 0; i < shape->bins; i++) {
		cache->counts[i] = shape->count_size == 1
			? tm_load_u8(bytes, i) : tm_load_u16(bytes, i * 2);
		if (!read_chain(cache, i, tm_load_u64(bytes, entries + i * 8)))
			return false;
	}
	return counts_agree(cache);
}

void heap_tcaches_drop(const struct heap_tcaches *tcaches, struct tm_mem *mem,
		       struct heap_blocks *blocks)
{
	TM_GUARD(cache_free) struct cache cache = { .mem = mem, .blocks = blocks };

	for (size_t i = 0; i < tcaches->n; i++) {
		bool is_cache;

		cache.shape = shape_of(tcaches->items[i].size);
		cache.disguised = true;
		is_cache = cache.shape && read_cache(&cache, tcaches->items[i].at);
		if (cache.shape && !is_cache) {
			cache.disguised = false;
			is_cache = read_cache(&cache, tcaches->items[i].at);
		}
		for (size_t k = 0; is_cache && k < cache.n; k++)
			heap_blocks_drop_chunk(blocks, cache.entries[k]);
	}
}
