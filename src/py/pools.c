#include "py/pools.h"

#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "heap/mimalloc.h"
#include "py/arenas.h"

enum {
	/* struct pool_header */
	COUNT = 0, FREEBLOCK = 8, ARENAINDEX = 32, NEXTOFFSET = 40,
	WORDS = HEAP_MAX_SLOTS / 64,
};

/* A pool as it is read. */
struct pool {
	tm_addr at;
	uint32_t pool_size, size, slots, free;
	const char *bytes;      /* NULL: only its header was read */
};

/* What all pools are read with. */
struct adding {
	struct tm_mem *mem;
	const struct heap_heads *heads;
	struct heap_blocks *blocks;
	char *room;             /* for a pool */
	uint32_t pool_size;
};

/* Clear the bits of those on the list, which ends when all are on it. */
static bool clear_free(const struct pool *pool, tm_addr first, uint64_t *used)
{
	tm_addr at = first;

	for (uint32_t i = 0; i < pool->free; i++) {
		uint64_t off = at - pool->at - PY_POOL_HEADER;
		uint32_t slot = (uint32_t)(off / pool->size);
		uint64_t bit = (uint64_t)1 << slot % 64;

		if (off >= (uint64_t)pool->slots * pool->size ||
		    off % pool->size != 0 || !(used[slot / 64] & bit))
			return false;
		used[slot / 64] &= ~bit;
		at = tm_load_u64(pool->bytes, PY_POOL_HEADER + (size_t)off);
	}
	return at == 0;
}

/* The blocks that are wanted; false: not all of the pool is as it says. */
static bool show(const struct heap_heads *heads, const struct pool *pool, tm_addr first)
{
	uint64_t used[WORDS];
	bool known = false;

	for (uint32_t i = 0; i < pool->slots; i++) {
		const size_t off = PY_POOL_HEADER + (size_t)i * pool->size;

		if (pool->size < HEAP_HEAD || !heads->wants(heads->ctx, pool->bytes + off))
			continue;
		if (!known)
			memset(used, 0xff, sizeof(used));
		if (!known && !clear_free(pool, first, used))
			return false;
		known = true;
		if (used[i / 64] >> i % 64 & 1)
			heads->take(heads->ctx, pool->at + off);
	}
	return true;
}

static bool add_pool(const struct adding *adding, struct pool *pool, const char *header)
{
	const struct heap_heads *heads = adding->heads;
	const tm_addr first = tm_load_u64(header, FREEBLOCK);
	uint64_t used[WORDS];
	struct tm_err err;

	if (heads ? pool->size >= heads->min : pool->free > 0) {
		if (!tm_mem_read(adding->mem, pool->at, adding->room, pool->pool_size, &err))
			return false;
		pool->bytes = adding->room;
	}
	if (heads && pool->bytes && !show(heads, pool, first))
		return false;
	if (heads || pool->free == 0)
		return heap_blocks_add_pool(adding->blocks, pool->at, pool->size,
					    pool->pool_size, pool->slots, NULL);
	memset(used, 0xff, sizeof(used));
	return clear_free(pool, first, used) &&
	       heap_blocks_add_pool(adding->blocks, pool->at, pool->size,
				    pool->pool_size, pool->slots, used);
}

static bool read_pool(const struct adding *adding, uint32_t index, struct pool *pool)
{
	char header[PY_POOL_HEADER];
	uint32_t count, next;
	struct tm_err err;

	if (!tm_mem_read(adding->mem, pool->at, header, sizeof(header), &err) ||
	    tm_load_u32(header, ARENAINDEX) != index)
		return false;
	count = tm_load_u32(header, COUNT);
	if (count == 0)
		return true;
	pool->size = py_pool_block_size(header, pool->pool_size);
	next = tm_load_u32(header, NEXTOFFSET);
	if (pool->size == 0 || next < PY_POOL_HEADER ||
	    next > pool->pool_size + pool->size)
		return false;
	pool->slots = (next - PY_POOL_HEADER) / pool->size;
	if (pool->slots > HEAP_MAX_SLOTS || count > pool->slots)
		return false;
	pool->free = pool->slots - count;
	return add_pool(adding, pool, header);
}

bool py_pools_add(struct tm_mem *mem, const struct py_runtime *runtime,
		  const struct py_arena_list *arenas, const struct heap_heads *heads,
		  struct heap_blocks *blocks)
{
	const uint32_t pool_size = runtime->layout->pool_size;
	TM_GUARD(tm_free_ptr) char *room = tm_malloc(pool_size);
	const struct adding adding = { mem, heads, blocks, room, pool_size };

	for (size_t i = 0; i < arenas->n; i++) {
		const struct py_arena *arena = &arenas->items[i];

		for (tm_addr at = arena->pools; at < arena->carved; at += pool_size) {
			struct pool pool = { .at = at, .pool_size = pool_size };

			if (!read_pool(&adding, arena->index, &pool))
				return false;
		}
	}
	return true;
}

bool py_pages_add(struct tm_mem *mem, const struct tm_maps *maps,
		  const struct heap_heads *heads, struct py_arena_list *arenas,
		  struct heap_blocks *blocks)
{
	TM_GUARD(heap_mimalloc_free) struct heap_mimalloc heap = { 0 };

	const enum heap_result result = heap_mimalloc_read(mem, maps, heads, &heap, blocks);

	arenas->items = tm_grow(arenas->items, &arenas->cap, heap.n, sizeof(*arenas->items));
	for (size_t i = 0; i < heap.n; i++)
		arenas->items[arenas->n++] = (struct py_arena){
			.address = heap.segments[i].at, .size = heap.segments[i].size,
		};
	return result == HEAP_TOLD && heap.n > 0;
}
