#include "py/arenas.h"

#include "base/load.h"

enum {
	/* struct pool_header */
	HEADER_SIZE = PY_POOL_HEADER, COUNT = 0, ARENAINDEX = 32, SZIDX = 36,
	MAXNEXTOFFSET = 44,
	MAX_BLOCK = 512,
};

/* 3.7 has classes of 8 or 16 bytes, later versions of 16. */
uint32_t py_pool_block_size(const char *header, uint32_t pool_size)
{
	uint32_t size = pool_size - tm_load_u32(header, MAXNEXTOFFSET);
	uint64_t number = (uint64_t)tm_load_u32(header, SZIDX) + 1;

	return size > 0 && size <= MAX_BLOCK &&
	       (size == number * 16 || size == number * 8) ? size : 0;
}

static bool add_pool(const struct py_arena *arena, const char *header,
		     uint32_t pool_size, uint32_t *used, struct py_arenas *ret)
{
	uint32_t count = tm_load_u32(header, COUNT);
	uint32_t size, room = pool_size - HEADER_SIZE;

	if (tm_load_u32(header, ARENAINDEX) != arena->index)
		return false;
	if (count == 0)
		return true;
	size = py_pool_block_size(header, pool_size);
	if (size == 0 || count > room / size)
		return false;
	(*used)++;
	ret->blocks += (uint64_t)count * size;
	ret->free_blocks += (uint64_t)(room / size - count) * size;
	ret->overhead += HEADER_SIZE + room % size;
	return true;
}

static bool add_arena(struct tm_mem *mem, const struct py_arena *arena,
		      uint32_t pool_size, struct py_arenas *ret)
{
	uint32_t used = 0;
	struct tm_err err;

	for (tm_addr at = arena->pools; at < arena->carved; at += pool_size) {
		char header[HEADER_SIZE];

		if (!tm_mem_read(mem, at, header, sizeof(header), &err) ||
		    !add_pool(arena, header, pool_size, &used, ret))
			return false;
	}
	ret->free_pools += (uint64_t)arena->nfree * pool_size;
	ret->overhead += arena->size - (uint64_t)arena->ntotal * pool_size;
	return used == arena->ntotal - arena->nfree;
}

bool py_arenas_read(struct tm_mem *mem, const struct tm_maps *maps,
		    const struct py_runtime *runtime,
		    const struct py_obmalloc *obmalloc, uint64_t max_pools,
		    struct py_arenas *ret)
{
	uint32_t pool_size = runtime->layout->pool_size;
	uint64_t pools = 0;

	ret->blocks = ret->free_blocks = ret->free_pools = ret->overhead = 0;
	if (!py_obmalloc_arenas(mem, maps, runtime, obmalloc, &ret->list))
		return false;
	for (size_t i = 0; i < ret->list.n; i++) {
		const struct py_arena *arena = &ret->list.items[i];

		pools += (arena->carved - arena->pools) / pool_size;
		if (pools > max_pools || !add_arena(mem, arena, pool_size, ret))
			return false;
	}
	return true;
}

void py_arenas_free(struct py_arenas *arenas)
{
	py_arena_list_free(&arenas->list);
	*arenas = (struct py_arenas){ 0 };
}
