#include "base/guard.h"
#include "base/load.h"
#include "heap/glibc_private.h"

const struct glibc_variant glibc_variants[GLIBC_NVARIANTS] = {
	{ 104, 8 },   /* until 2.26 */
	{ 112, 16 },  /* 2.27 on */
	{ 24, 0 },    /* 2.43: without fast bins */
};

struct reading {
	struct tm_mem *mem;
	const struct heap_glibc *heap;
	size_t limit;
	const struct heap_visit *visit; /* NULL: nobody asks */
	struct heap_figures *ret;
	enum heap_result result;
};

static bool fail(struct reading *reading, enum heap_result why)
{
	reading->result = why;
	return false;
}

static void tell_free(struct reading *reading, tm_addr at, uint64_t size, bool fast)
{
	if (reading->visit && reading->visit->free)
		reading->visit->free(reading->visit->ctx, at, size, fast);
}

static void tell_heap(struct reading *reading, tm_addr start, tm_addr end)
{
	if (reading->visit && reading->visit->heap)
		reading->visit->heap(reading->visit->ctx, start, end);
}

static bool add_chunk(struct reading *reading, tm_addr at, uint64_t size, bool fast,
		      uint64_t *sum)
{
	size &= ~(uint64_t)SIZE_BITS;
	if (size < MIN_CHUNK || size % 16 != 0)
		return fail(reading, HEAP_CONTRADICTS);
	if (++reading->ret->chunks > reading->limit)
		return fail(reading, HEAP_TOO_MANY);
	*sum += size;
	tell_free(reading, at, size, fast);
	return true;
}

/* The chunks of a bin, each of which leads back to the one before. */
static bool add_bin(struct reading *reading, tm_addr bin, tm_addr first,
		    uint64_t *sum)
{
	tm_addr before = bin, at = first;

	while (at != bin) {
		char chunk[32];
		struct tm_err err;

		if (!tm_mem_read(reading->mem, at, chunk, sizeof(chunk), &err) ||
		    tm_load_u64(chunk, BK) != before)
			return fail(reading, HEAP_CONTRADICTS);
		if (!add_chunk(reading, at, tm_load_u64(chunk, SIZE), false, sum))
			return false;
		before = at;
		at = tm_load_u64(chunk, FD);
	}
	return true;
}

/* All chunks of a fast bin have the same size. */
static bool is_sized(struct reading *reading, tm_addr at, uint64_t size)
{
	uint64_t told;
	struct tm_err err;

	return at % 16 == 0 && tm_mem_u64(reading->mem, at + SIZE, &told, &err) &&
	       (told | SIZE_BITS) == (size | SIZE_BITS);
}

/* A fast bin is a list; since 2.32 its links are disguised by their own
 * addresses, so that even the last is not 0. */
static bool add_fast(struct reading *reading, tm_addr at, uint64_t *sum)
{
	while (at) {
		tm_addr plain;
		uint64_t words[3];
		struct tm_err err;

		if (!tm_mem_read(reading->mem, at, words, sizeof(words), &err))
			return fail(reading, HEAP_CONTRADICTS);
		if (!add_chunk(reading, at, words[1], true, sum))
			return false;
		plain = words[2] ^ (at + FD) >> 12;
		at = words[2];
		if (plain == 0 || (at && is_sized(reading, plain, words[1])))
			at = plain;
		else if (at && !is_sized(reading, at, words[1]))
			return fail(reading, HEAP_CONTRADICTS);
	}
	return true;
}

static bool main_is_whole(struct reading *reading)
{
	TM_GUARD(glibc_pieces_free) struct glibc_pieces pieces = { 0 };

	if (!glibc_pieces_find(reading->mem, reading->heap, &pieces))
		return false;
	for (size_t i = 0; i < pieces.n; i++)
		tell_heap(reading, pieces.items[i].start, pieces.items[i].end);
	return true;
}

/* The heaps of arenas other than the main one are linked. */
static bool is_whole(struct reading *reading, tm_addr arena, tm_addr end,
		     uint64_t system_mem)
{
	uint64_t sum = 0;
	struct tm_err err;
	tm_addr at;

	if (arena == reading->heap->main_arena)
		return main_is_whole(reading);
	if (!glibc_last_heap(reading->mem, arena, end, &at))
		return false;
	while (at) {
		uint64_t info[3];

		if (!tm_mem_read(reading->mem, at, info, sizeof(info), &err) ||
		    info[INFO_ARENA] != arena || info[INFO_SIZE] > HEAP_MAX ||
		    info[INFO_SIZE] < sizeof(info) ||
		    (sum += info[INFO_SIZE]) > system_mem)
			return false;
		tell_heap(reading, at, at + info[INFO_SIZE]);
		at = info[INFO_PREV];
	}
	return sum == system_mem;
}

static bool add_free(struct reading *reading, tm_addr arena, const char *state,
		     uint64_t *sum)
{
	const size_t bins = reading->heap->bins;
	size_t fast = 0;

	for (size_t v = 0; v < GLIBC_NVARIANTS; v++)
		if (glibc_variants[v].bins == bins)
			fast = glibc_variants[v].fast;
	for (size_t i = 0; i < NFAST && fast; i++)
		if (!add_fast(reading, tm_load_u64(state, fast + i * 8), sum))
			return false;
	for (size_t i = 0; i < NBINS; i++)
		if (!add_bin(reading, arena + bins + i * 16 - FD,
			     tm_load_u64(state, bins + i * 16), sum))
			return false;
	return true;
}

static bool add_arena(struct reading *reading, tm_addr arena, tm_addr *next)
{
	const size_t bins = reading->heap->bins;
	char state[256 + STATE_END];
	uint64_t system_mem, free = 0;
	struct tm_err err;
	tm_addr end;

	if (!tm_mem_read(reading->mem, arena, state, bins + STATE_END, &err) ||
	    !glibc_top_end(reading->mem, arena + bins, &end))
		return fail(reading, HEAP_CONTRADICTS);
	*next = tm_load_u64(state, bins + NEXT);
	system_mem = tm_load_u64(state, bins + SYSTEM_MEM);
	if (system_mem == 0)
		return true;
	free = end - tm_load_u64(state, bins + TOP);
	tell_free(reading, end - free, free, false);
	if (tm_load_u32(state, 0) != 0 || /* its mutex */
	    !is_whole(reading, arena, end, system_mem))
		return fail(reading, HEAP_CONTRADICTS);
	if (!add_free(reading, arena, state, &free))
		return false;
	if (free > system_mem)
		return fail(reading, HEAP_CONTRADICTS);
	reading->ret->size += system_mem;
	reading->ret->free += free;
	reading->ret->arenas++;
	if (free > reading->ret->arena_free)
		reading->ret->arena_free = free;
	return true;
}

enum heap_result heap_glibc_read(struct tm_mem *mem, const struct heap_glibc *heap,
				 size_t limit, const struct heap_visit *visit,
				 struct heap_figures *ret)
{
	struct reading reading = { mem, heap, limit, visit, ret, HEAP_TOLD };
	tm_addr arena = heap->main_arena;
	uint64_t mmapped;
	struct tm_err err;

	*ret = (struct heap_figures){ 0 };
	if (!tm_mem_u64(mem, heap->sbrk_base + MMAPPED, &mmapped, &err))
		return HEAP_CONTRADICTS;
	for (int n = 0; n == 0 || arena != heap->main_arena; n++) {
		if (n == MAX_ARENAS)
			return HEAP_CONTRADICTS;
		if (!add_arena(&reading, arena, &arena))
			return reading.result;
	}
	ret->size += mmapped;
	ret->used = ret->size - ret->free;
	return HEAP_TOLD;
}
