#include "py/obmalloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "base/log.h"
#include "mem/paged.h"
#include "py/interpreters.h"

enum {
	/* struct arena_object */
	OBJECT_SIZE = 48,
	ADDRESS = 0, POOL_ADDRESS = 8, NFREEPOOLS = 16, NTOTALPOOLS = 20,
	NEXTARENA = 32,
	POOL_ARENAINDEX = 32,     /* in struct pool_header */
	/* struct _obmalloc_state: { usedpools; arenas, uint maxarenas, ... } */
	STATE_ARENAS = 512, STATE_MAXARENAS = 520,
	FIRST_LENGTH = 16,        /* INITIAL_ARENA_OBJECTS */
	MAX_LENGTH = 1 << 20,
	POOLS_UNIT = 64,          /* arena sizes are multiples of this many pools */
	MAX_UNITS = 8,            /* 2 MiB arenas of 16 KiB pools have 2 */
	SCAN_LIMIT = 64 << 20,
	FIND_LIMIT = 4 << 20,     /* objects examined until an array is found */
};

struct finder {
	struct tm_mem *mem;
	const struct tm_maps *maps;
	uint64_t pool_size;
	size_t objects;           /* that may still be examined */
};

/* Objects read from a process; a zeroed struct is empty. */
struct array {
	char *objects;
	uint32_t n;
};

static void array_free(struct array *array)
{
	free(array->objects);
}

static const char *object_at(const struct array *array, uint32_t i)
{
	return array->objects + (size_t)i * OBJECT_SIZE;
}

static bool is_heap(const struct finder *finder, tm_addr at)
{
	const struct tm_region *region = tm_maps_find(finder->maps, at);

	return region && region->writable && region->inode == 0;
}

/* ---- one array -------------------------------------------------------------- */

/* The arena in this object, if everything about it fits. */
static bool take_arena(struct finder *finder, const char *object,
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
	    (carved - first) % finder->pool_size != 0 ||
	    !is_heap(finder, at) || !is_heap(finder, at + size - 1) ||
	    !tm_mem_u32(finder->mem, first + POOL_ARENAINDEX, &told, &err) ||
	    told != index)
		return false;
	*ret = (struct py_arena){ at, first, carved, size, index, nfree, ntotal };
	return true;
}

enum chain { OPEN, CLOSED, BROKEN };

/*
 * Do the objects without an arena form one chain, within the array? Links that
 * lead out of it show that it is longer. Broken is what more objects do not mend: two ends,
 * or two links to one; zeroes are that at once.
 */
static enum chain chain_of(const struct array *array, tm_addr at)
{
	TM_GUARD(tm_free_ptr) bool *linked = tm_calloc(array->n, 1);
	uint32_t unused = 0, tails = 0;
	bool leaves = false;

	for (uint32_t i = 0; i < array->n; i++) {
		tm_addr next = tm_load_u64(object_at(array, i), NEXTARENA) - at;
		uint64_t to = next / OBJECT_SIZE;

		if (tm_load_u64(object_at(array, i), ADDRESS) != 0)
			continue;
		unused++;
		if (next + at == 0)
			tails++;
		else if (next % OBJECT_SIZE != 0 || to >= MAX_LENGTH)
			return BROKEN;
		else if (to >= array->n)
			leaves = true;
		else if (linked[to] || tm_load_u64(object_at(array, (uint32_t)to), ADDRESS) != 0)
			return BROKEN;
		else
			linked[to] = true;
	}
	/* One end and no object that two lead to: a chain, or perhaps a ring;
	 * memory that is not an array is neither. */
	return tails > 1 ? BROKEN : !leaves && tails == (unused > 0) ? CLOSED : OPEN;
}

/* Make it `n` objects long. False if there is other memory. */
static bool extend(struct finder *finder, tm_addr at, uint32_t n,
		   struct array *array, struct py_arena_list *ret)
{
	size_t old = (size_t)array->n * OBJECT_SIZE, size = (size_t)n * OBJECT_SIZE;
	struct tm_err err;

	if (finder->objects < n - array->n)
		return false;
	finder->objects -= n - array->n;
	array->objects = tm_reallocarray(array->objects, n, OBJECT_SIZE);
	if (!tm_mem_read(finder->mem, at + old, array->objects + old, size - old,
			 &err))
		return false;
	for (uint32_t i = array->n; i < n; i++) {
		struct py_arena arena;

		if (tm_load_u64(object_at(array, i), ADDRESS) == 0)
			continue;
		if (!take_arena(finder, object_at(array, i), i, &arena))
			return false;
		ret->items = tm_grow(ret->items, &ret->cap, ret->n + 1,
				     sizeof(*ret->items));
		ret->items[ret->n++] = arena;
	}
	array->n = n;
	return true;
}

/* Append the arenas of the array at `at`; its length, 0: there is none. */
static uint32_t take_array(struct finder *finder, tm_addr at,
			   struct py_arena_list *ret)
{
	TM_GUARD(array_free) struct array array = { 0 };
	size_t before = ret->n, proved = ret->n;
	uint32_t length = 0;
	enum chain chain;

	if (at == 0 || at % 16 != 0)
		return 0;
	for (uint32_t n = FIRST_LENGTH; n <= MAX_LENGTH; n *= 2) {
		if (!extend(finder, at, n, &array, ret))
			break;
		chain = chain_of(&array, at);
		if (chain == BROKEN)
			break;
		if (ret->n > before && chain == CLOSED) {
			length = n;
			proved = ret->n;
		}
	}
	ret->n = proved;
	return length;
}

/* ---- where they are ----------------------------------------------------------- */

/* For most words of an image's data the first object decides. */
static bool may_be_array(const struct finder *finder, tm_addr at)
{
	struct tm_err err;
	tm_addr arena;

	return at % 16 == 0 && is_heap(finder, at) &&
	       tm_mem_u64(finder->mem, at, &arena, &err) &&
	       (arena == 0 || (arena % TM_PAGE == 0 && is_heap(finder, arena)));
}

static bool is_root(struct finder *finder, tm_addr at, bool in_state,
		    tm_addr value)
{
	struct py_arena_list list = { 0 };
	uint32_t length = take_array(finder, value, &list), told;
	struct tm_err err;

	py_arena_list_free(&list);
	return length > 0 &&
	       (!in_state || (tm_mem_u32(finder->mem, at + STATE_MAXARENAS -
					 STATE_ARENAS, &told, &err) &&
			      told == length));
}

/* Collect the words in [start, end) that point to an array. All must point to
 * the same one: usable_arenas, too, may be its first object. */
static bool scan(struct finder *finder, tm_addr start, tm_addr end,
		 bool in_state, tm_addr *array, struct py_obmalloc *ret)
{
	TM_GUARD(tm_free_ptr) char *bytes = NULL;
	size_t len = (size_t)(end - start);

	if (len > SCAN_LIMIT)
		return true;
	bytes = tm_malloc(len);
	len = tm_mem_read_some(finder->mem, start, bytes, len);
	for (size_t i = 0; i + 8 <= len; i += 8) {
		tm_addr value = tm_load_u64(bytes, i);

		if (!may_be_array(finder, value) ||
		    !is_root(finder, start + i, in_state, value))
			continue;
		if ((*array && *array != value) ||
		    ret->nroots == sizeof(ret->roots) / sizeof(ret->roots[0]))
			return false;
		*array = value;
		ret->roots[ret->nroots++] = start + i;
	}
	return true;
}

/* The data of the image that holds _PyRuntime, and the zeros after it. */
static bool find_roots(struct finder *finder,
		       const struct py_runtime *runtime, struct py_obmalloc *ret)
{
	const struct tm_maps *maps = finder->maps;
	const struct tm_region *home = tm_maps_find(maps, runtime->runtime);
	size_t i = home ? (size_t)(home - maps->regions) : maps->n;
	tm_addr array = 0;

	/* From .bss back to the data that begins the run of mappings. */
	while (i > 0 && i < maps->n && maps->regions[i - 1].writable &&
	       maps->regions[i - 1].end == maps->regions[i].start)
		i--;
	for (; i < maps->n; i++) {
		const struct tm_region *region = &maps->regions[i];

		if (!region->writable || strcmp(region->path, "[heap]") == 0)
			break;
		if (!scan(finder, region->start, region->end,
			  runtime->layout->own_obmalloc, &array, ret))
			return false;
		if (i + 1 < maps->n && region->end != region[1].start)
			break;
	}
	return ret->nroots > 0;
}

/* ---- other interpreters' --------------------------------------------------------- */

/* The field of the main interpreter that leads to its state; not a word of the state
 * itself, whose list of the second class points there while it is empty. */
static bool find_pointer(const struct finder *finder,
			 const struct py_runtime *runtime, tm_addr main,
			 tm_addr state, struct py_obmalloc *ret)
{
	TM_GUARD(tm_free_ptr) char *bytes = NULL;
	size_t len = (size_t)(runtime->runtime + runtime->runtime_size - main);

	bytes = tm_malloc(len);
	len = tm_mem_read_some(finder->mem, main, bytes, len);
	for (size_t i = 0; i + 8 <= len; i += 8) {
		if (tm_load_u64(bytes, i) != state ||
		    (main + i >= state && main + i - state < STATE_ARENAS))
			continue;
		if (ret->own)
			return false;
		ret->own = true;
		ret->offset = i;
	}
	return ret->own;
}

/* How an interpreter's state is found, learned from the main one. */
static bool learn_states(const struct finder *finder,
			 const struct py_runtime *runtime, struct py_obmalloc *ret)
{
	TM_GUARD(py_interpreters_free) struct py_interpreters list = { 0 };
	tm_addr end = runtime->runtime + runtime->runtime_size, main;
	tm_addr state = ret->roots[0] - STATE_ARENAS;
	struct tm_err err;

	if (!py_stack_fields_read(finder->mem, runtime, &ret->fields, &err) ||
	    !py_interpreters_read(finder->mem, runtime, &ret->fields, &list, &err) ||
	    list.n == 0)
		return false;
	main = list.items[list.n - 1];
	if (ret->nroots != 1 || main < runtime->runtime || main >= end)
		return false;
	if (find_pointer(finder, runtime, main, state, ret))
		return true;
	if (ret->own || state < main || state >= end)
		return false;
	ret->own = ret->in_place = true;
	ret->offset = state - main;
	return true;
}

static bool take_state(struct finder *finder, tm_addr state,
		       struct py_arena_list *ret)
{
	struct tm_err err;
	tm_addr array;
	uint32_t told, length;

	if (!tm_mem_u64(finder->mem, state + STATE_ARENAS, &array, &err) ||
	    !tm_mem_u32(finder->mem, state + STATE_MAXARENAS, &told, &err))
		return false;
	length = array ? take_array(finder, array, ret) : 0;
	return length == told;
}

/* Interpreters without an own allocator have the main one's, or an empty one. */
static bool take_others(struct finder *finder,
			const struct py_runtime *runtime,
			const struct py_obmalloc *obmalloc,
			struct py_arena_list *ret)
{
	TM_GUARD(py_interpreters_free) struct py_interpreters list = { 0 };
	tm_addr main = obmalloc->roots[0] - STATE_ARENAS;
	struct tm_err err;

	if (!py_interpreters_read(finder->mem, runtime, &obmalloc->fields, &list, &err))
		return false;
	for (size_t i = 0; i < list.n; i++) {
		tm_addr state = list.items[i] + obmalloc->offset;

		if (!obmalloc->in_place &&
		    !tm_mem_u64(finder->mem, state, &state, &err))
			return false;
		if (state && state != main && !take_state(finder, state, ret))
			return false;
	}
	return true;
}

/* ---- the door --------------------------------------------------------------------- */

bool py_obmalloc_find(struct tm_mem *mem, const struct tm_maps *maps,
		      const struct py_runtime *runtime, struct py_obmalloc *ret)
{
	/* What the words of an image point to lies close together. */
	TM_GUARD(tm_mem_guard) struct tm_mem *paged = tm_mem_paged(mem, 256);
	struct finder finder = { paged, maps, runtime->layout->pool_size, FIND_LIMIT };

	*ret = (struct py_obmalloc){ 0 };
	if (runtime->free_threaded || !find_roots(&finder, runtime, ret) ||
	    (runtime->layout->own_obmalloc && !learn_states(&finder, runtime, ret)))
		return false;
	tm_log("arenas at *0x%llx, %s", (unsigned long long)ret->roots[0],
	       ret->own ? "and in each interpreter" : "of all interpreters");
	return true;
}

bool py_obmalloc_arenas(struct tm_mem *mem, const struct tm_maps *maps,
			const struct py_runtime *runtime,
			const struct py_obmalloc *obmalloc,
			struct py_arena_list *ret)
{
	struct finder finder = { mem, maps, runtime->layout->pool_size, SIZE_MAX };
	bool found = false;

	ret->n = 0;
	for (size_t i = 0; i < obmalloc->nroots && !found; i++) {
		struct tm_err err;
		tm_addr array;

		found = tm_mem_u64(mem, obmalloc->roots[i], &array, &err) &&
			take_array(&finder, array, ret) > 0;
	}
	return found &&
	       (!obmalloc->own || take_others(&finder, runtime, obmalloc, ret)) &&
	       !py_arena_list_overlaps(ret);
}
