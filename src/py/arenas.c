#include "py/arenas.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "base/log.h"

enum {
	OBJECT_SIZE = 48,
	ADDRESS = 0, POOL_ADDRESS = 8, NFREEPOOLS = 16, NTOTALPOOLS = 20,
	POOL_ARENAINDEX = 32,     /* in struct pool_header */
	POOLS_UNIT = 64,          /* arena sizes are multiples of so many pools */
	MAX_UNITS = 8,            /* 2 MiB arenas of 16 KiB pools have 2 */
	MAX_ARENAS = 1 << 20,
	SCAN_LIMIT = 64 << 20,
};

struct finder {
	struct tm_mem *mem;
	const struct tm_maps *maps;
	uint64_t pool_size;
};

static bool is_heap(const struct finder *finder, tm_addr at)
{
	const struct tm_region *region = tm_maps_find(finder->maps, at);

	return region && region->writable && region->inode == 0;
}

/* The arena in this object, if everything about it fits. */
static bool take_arena(const struct finder *finder, const char *object,
		       uint32_t index, struct py_arena *ret)
{
	tm_addr at = tm_load_u64(object, ADDRESS);
	tm_addr carved = tm_load_u64(object, POOL_ADDRESS);
	uint32_t nfree = tm_load_u32(object, NFREEPOOLS);
	uint32_t ntotal = tm_load_u32(object, NTOTALPOOLS);
	uint32_t units = (ntotal + 1) / POOLS_UNIT, told;
	uint64_t size = units * POOLS_UNIT * finder->pool_size;
	tm_addr first = (at + finder->pool_size - 1) / finder->pool_size *
			finder->pool_size;
	struct tm_err err;

	/* An arena that is not aligned to pools has one less. */
	if (ntotal + (first != at) != units * POOLS_UNIT || units == 0 ||
	    units > MAX_UNITS || nfree > ntotal || at % TM_PAGE != 0 ||
	    carved <= first || carved - first > ntotal * finder->pool_size ||
	    !is_heap(finder, at) ||
	    !tm_mem_u32(finder->mem, first + POOL_ARENAINDEX, &told, &err) ||
	    told != index)
		return false;
	*ret = (struct py_arena){ at, size, nfree * finder->pool_size };
	return true;
}

/* The array at `at` as far as it makes sense; unused objects are NULL. */
static void take_array(const struct finder *finder, tm_addr at,
		       struct py_arenas *ret)
{
	uint32_t last = 0;
	struct tm_err err;

	for (uint32_t i = 0; i < MAX_ARENAS && i < 2 * last + POOLS_UNIT; i++) {
		char object[OBJECT_SIZE];
		struct py_arena arena;

		if (!tm_mem_read(finder->mem, at + (tm_addr)i * OBJECT_SIZE,
				 object, sizeof(object), &err))
			return;
		if (tm_load_u64(object, ADDRESS) == 0)
			continue;
		if (!take_arena(finder, object, i, &arena))
			return;
		ret->items = tm_grow(ret->items, &ret->cap, ret->n + 1,
				     sizeof(*ret->items));
		ret->items[ret->n++] = arena;
		last = i;
	}
}

/* Is there an array of arenas, the first one alive? */
static bool is_array(const struct finder *finder, tm_addr at)
{
	char object[OBJECT_SIZE];
	struct py_arena arena;
	struct tm_err err;

	return at && at % 8 == 0 && is_heap(finder, at) &&
	       tm_mem_read(finder->mem, at, object, sizeof(object), &err) &&
	       take_arena(finder, object, 0, &arena);
}

/* A pointer to such an array in [start, end); 0: none, or several. */
static tm_addr scan(const struct finder *finder, tm_addr start, tm_addr end,
		    tm_addr found)
{
	TM_GUARD(tm_free_ptr) char *bytes = NULL;
	size_t len = (size_t)(end - start);

	if (len > SCAN_LIMIT)
		return found;
	bytes = tm_malloc(len);
	len = tm_mem_read_some(finder->mem, start, bytes, len);
	for (size_t i = 0; i + 8 <= len; i += 8) {
		tm_addr at = tm_load_u64(bytes, i);

		if (at != found && is_array(finder, at)) {
			if (found)
				return UINT64_MAX;
			found = at;
		}
	}
	return found;
}

/* The data of the image that holds _PyRuntime, and the zeros behind it. */
static tm_addr find_array(const struct finder *finder, tm_addr runtime)
{
	const struct tm_maps *maps = finder->maps;
	const struct tm_region *home = tm_maps_find(maps, runtime);
	size_t i = home ? (size_t)(home - maps->regions) : maps->n;
	tm_addr found = 0;

	/* From .bss back to the data that begins the run of mappings. */
	while (i > 0 && i < maps->n && maps->regions[i - 1].writable &&
	       maps->regions[i - 1].end == maps->regions[i].start)
		i--;
	for (; i < maps->n && found != UINT64_MAX; i++) {
		const struct tm_region *region = &maps->regions[i];

		if (!region->writable || strcmp(region->path, "[heap]") == 0)
			break;
		found = scan(finder, region->start, region->end, found);
		if (i + 1 < maps->n && region->end != region[1].start)
			break;
	}
	return found;
}

bool py_arenas_read(struct tm_mem *mem, const struct tm_maps *maps,
		    const struct py_runtime *runtime, struct py_arenas *ret)
{
	struct finder finder = { mem, maps, runtime->layout->pool_size };
	tm_addr at;

	*ret = (struct py_arenas){ 0 };
	if (runtime->free_threaded)
		return false;
	at = find_array(&finder, runtime->runtime);
	if (at == 0 || at == UINT64_MAX)
		return false;
	take_array(&finder, at, ret);
	tm_log("%zu arenas at 0x%llx", ret->n, (unsigned long long)at);
	return ret->n > 0;
}

void py_arenas_free(struct py_arenas *arenas)
{
	free(arenas->items);
	*arenas = (struct py_arenas){ 0 };
}
