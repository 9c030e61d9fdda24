#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "heap/glibc_private.h"
#include "heap/tcache.h"

enum {
	PREV_INUSE = 1,
	CHUNK_HEAD = 16,             /* before the user's part */
	ARENA_REST = 56,             /* of malloc_state, after the bins */
	WINDOW = 256 << 10,
	FENCE = 64,                  /* what may be left of a heap that is full */
};

/* Chunks on their way into the blocks. */
struct walk {
	struct tm_mem *mem;
	const struct heap_glibc *heap;
	struct heap_blocks *blocks;
	const struct heap_heads *heads; /* NULL: nobody looks at any */
	tm_addr *wanted;             /* user's parts */
	size_t nwanted, cap_wanted;
	char *window;
	tm_addr base;
	size_t len;
	uint64_t free;               /* chunks that are not in use */
	tm_addr *loose;              /* chunks in fast bins */
	size_t nloose, cap_loose;
	struct heap_tcaches tcaches;
};

static void walk_free(struct walk *walk)
{
	free(walk->window);
	free(walk->loose);
	free(walk->wanted);
	heap_tcaches_free(&walk->tcaches);
}

static void take_loose(void *ctx, tm_addr chunk, uint64_t size, bool fast)
{
	struct walk *walk = ctx;

	(void)size;
	if (!fast)
		return;
	walk->loose = tm_grow(walk->loose, &walk->cap_loose, walk->nloose + 1,
			      sizeof(*walk->loose));
	walk->loose[walk->nloose++] = chunk;
}

/* NULL: it cannot be read, or is beyond `end`. */
static const char *load(struct walk *walk, tm_addr at, size_t len, tm_addr end)
{
	if (at < walk->base || at - walk->base + len > walk->len) {
		walk->base = at;
		walk->len = end - at < WINDOW ? (size_t)(end - at) : WINDOW;
		walk->len = tm_mem_read_some(walk->mem, at, walk->window, walk->len);
	}
	return walk->len < len ? NULL : walk->window + (at - walk->base);
}

static bool size_word(struct walk *walk, tm_addr chunk, tm_addr end, uint64_t *ret)
{
	const char *word = load(walk, chunk + SIZE, sizeof(*ret), end);

	if (word)
		*ret = tm_load_u64(word, 0);
	return word;
}

/* Before it is known whether the chunk is in use: what says so is behind it. */
static bool is_wanted(struct walk *walk, tm_addr chunk, uint64_t size, tm_addr end)
{
	const struct heap_heads *heads = walk->heads;
	const char *head;

	if (!heads || size < heads->min + SIZE || size < CHUNK_HEAD + HEAP_HEAD)
		return false;
	head = load(walk, chunk + CHUNK_HEAD, HEAP_HEAD, end);
	return head && heads->wants(heads->ctx, head);
}

static void want(struct walk *walk, tm_addr at)
{
	walk->wanted = tm_grow(walk->wanted, &walk->cap_wanted, walk->nwanted + 1,
			       sizeof(*walk->wanted));
	walk->wanted[walk->nwanted++] = at;
}

static bool take_chunk(struct walk *walk, tm_addr chunk, uint64_t size, bool wanted)
{
	const tm_addr at = chunk + CHUNK_HEAD;

	if (!heap_blocks_add_chunk(walk->blocks, at, size))
		return false;
	if (heap_tcache_sized(size))
		heap_tcaches_add(&walk->tcaches, at, size);
	if (wanted)
		want(walk, at);
	return true;
}

/* From the first chunk to the top, or to the fence at the end of a full heap. */
static bool walk_span(struct walk *walk, tm_addr start, tm_addr end, tm_addr top)
{
	const bool last = top >= start && top < end;
	tm_addr at = start;
	uint64_t word, next;
	bool wanted;

	if (!heap_blocks_add_span(walk->blocks, start, end) ||
	    !size_word(walk, at, end, &word))
		return false;
	while (at != top) {
		uint64_t size = word & ~(uint64_t)SIZE_BITS;

		if (size < MIN_CHUNK)
			return !last && end - at <= FENCE;
		if (size % 16 || size > end - at)
			return false;
		if (size == end - at)
			return !last;
		wanted = is_wanted(walk, at, size, end);
		if (!size_word(walk, at + size, end, &next))
			return false;
		if (!(next & PREV_INUSE))
			walk->free++;
		else if (!take_chunk(walk, at, size, wanted))
			return false;
		at += size;
		word = next;
	}
	return true;
}

/* Heaps of an arena other than the main one, the newest first. */
static bool walk_heaps(struct walk *walk, tm_addr arena, tm_addr end, tm_addr top)
{
	const tm_addr head = arena % TM_PAGE;
	const tm_addr state = arena + walk->heap->bins + BINS_SIZE + ARENA_REST;
	tm_addr at;

	if (!glibc_last_heap(walk->mem, arena, end, &at))
		return false;
	while (at) {
		uint64_t info[3];
		tm_addr start = at + head;
		struct tm_err err;

		if (!tm_mem_read(walk->mem, at, info, sizeof(info), &err) ||
		    info[INFO_ARENA] != arena || info[INFO_SIZE] > HEAP_MAX ||
		    info[INFO_SIZE] <= head)
			return false;
		if (start == arena)
			start = (state + 15) / 16 * 16;
		if (!walk_span(walk, start, at + info[INFO_SIZE], top))
			return false;
		at = info[INFO_PREV];
	}
	return true;
}

static bool walk_main(struct walk *walk, tm_addr top)
{
	TM_GUARD(glibc_pieces_free) struct glibc_pieces pieces = { 0 };

	if (!glibc_pieces_find(walk->mem, walk->heap, &pieces))
		return false;
	for (size_t i = 0; i < pieces.n; i++)
		if (!walk_span(walk, (pieces.items[i].start + 15) / 16 * 16, pieces.items[i].end,
			       top))
			return false;
	return true;
}

static bool walk_arena(struct walk *walk, tm_addr arena, tm_addr *next)
{
	const size_t bins = walk->heap->bins;
	char state[256 + STATE_END];
	tm_addr end, top;
	struct tm_err err;

	if (!tm_mem_read(walk->mem, arena, state, bins + STATE_END, &err) ||
	    !glibc_top_end(walk->mem, arena + bins, &end))
		return false;
	*next = tm_load_u64(state, bins + NEXT);
	if (tm_load_u64(state, bins + SYSTEM_MEM) == 0)
		return true;
	top = tm_load_u64(state, (size_t)((long)bins + TOP));
	return arena == walk->heap->main_arena ? walk_main(walk, top)
					       : walk_heaps(walk, arena, end, top);
}

static bool walk_arenas(struct walk *walk)
{
	tm_addr arena = walk->heap->main_arena;

	for (int n = 0; n == 0 || arena != walk->heap->main_arena; n++)
		if (n == MAX_ARENAS || !walk_arena(walk, arena, &arena))
			return false;
	return true;
}

/* What threads and fast bins keep looks used. */
static bool drop_kept(struct walk *walk)
{
	heap_blocks_settle(walk->blocks);
	for (size_t i = 0; i < walk->nloose; i++)
		if (!heap_blocks_drop_chunk(walk->blocks, walk->loose[i] + CHUNK_HEAD))
			return false;
	heap_tcaches_drop(&walk->tcaches, walk->mem, walk->blocks);
	return true;
}

/* Those that no list of free ones has. */
static void hand_out(const struct walk *walk)
{
	for (size_t i = 0; i < walk->nwanted; i++)
		if (heap_blocks_chunk(walk->blocks, walk->wanted[i]))
			walk->heads->take(walk->heads->ctx, walk->wanted[i]);
}

enum heap_result heap_glibc_chunks(struct tm_mem *mem, const struct heap_glibc *heap,
				   const struct heap_heads *heads,
				   struct heap_blocks *blocks)
{
	TM_GUARD(walk_free) struct walk walk = {
		.mem = mem, .heap = heap, .heads = heads, .blocks = blocks,
	};
	struct heap_figures figures = { 0 };
	const struct heap_visit visit = { .free = take_loose, .ctx = &walk };
	enum heap_result result = heap_glibc_read(mem, heap, HEAP_MAX_NODES, &visit,
						  &figures);

	if (result != HEAP_TOLD)
		return result;
	walk.window = tm_malloc(WINDOW);
	if (!walk_arenas(&walk))
		return HEAP_CONTRADICTS;
	/* Every chunk that is not in use is in a bin. (The last remainder is in
	 * one, too.) */
	if (walk.free + walk.nloose != figures.chunks || !drop_kept(&walk))
		return HEAP_CONTRADICTS;
	hand_out(&walk);
	return HEAP_TOLD;
}
