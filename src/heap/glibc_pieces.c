#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "heap/glibc_private.h"

enum {
	PREV_INUSE = 1,
	FENCE_SIZE = 16, MAX_FENCES = 4,
	HEAP_MIN = 256 << 10,
	WINDOW = 256 << 10,
	MAX_PAGES = 1 << 22,     /* that are looked at */
};

bool glibc_top_end(struct tm_mem *mem, tm_addr bins, tm_addr *ret)
{
	struct tm_err err;
	tm_addr top;
	uint64_t size;

	if (!tm_mem_u64(mem, bins + TOP, &top, &err) ||
	    !tm_mem_u64(mem, top + SIZE, &size, &err))
		return false;
	*ret = top + (size & ~(uint64_t)SIZE_BITS);
	return true;
}

/* Heaps are aligned to what they may grow to: with huge pages four of these
 * (heap_max_size(), arena.c of 2.35). */
bool glibc_last_heap(struct tm_mem *mem, tm_addr arena, tm_addr end, tm_addr *ret)
{
	for (uint64_t most = HEAP_MAX; most >= HEAP_MIN && end; most /= 2) {
		const tm_addr at = (end - 1) / most * most;
		uint64_t info[3];
		struct tm_err ignored;

		if (!tm_mem_read(mem, at, info, sizeof(info), &ignored) ||
		    info[INFO_ARENA] != arena || at + info[INFO_SIZE] != end)
			continue;
		*ret = at;
		return true;
	}
	return false;
}

void glibc_pieces_free(struct glibc_pieces *pieces)
{
	free(pieces->items);
	*pieces = (struct glibc_pieces){ 0 };
}

/* The search for the pieces of a main arena. */
struct search {
	struct tm_mem *mem;
	tm_addr base, top;       /* mp_.sbrk_base, with which the first begins; the last's top */
	uint64_t left;           /* bytes of the arena that have not been found */
	uint32_t pages;          /* that may still be looked at */
	char *window;
	tm_addr at;              /* of the window */
	size_t len;
	struct glibc_pieces *ret;
};

/* The size of a chunk, with its bits. */
static bool size_word(struct search *search, tm_addr chunk, tm_addr end, uint64_t *ret)
{
	const tm_addr at = chunk + SIZE;

	if (at >= end)
		return false;
	if (at < search->at || at - search->at + 8 > search->len) {
		search->at = at;
		search->len = tm_mem_read_some(search->mem, at, search->window,
					       end - at < WINDOW ? (size_t)(end - at) : WINDOW);
	}
	if (search->len < 8)
		return false;
	*ret = tm_load_u64(search->window, (size_t)(at - search->at));
	return true;
}

/* What follows the last chunk of a piece that is not the newest: sysmalloc() ends
 * it with chunks that are too small to be used. */
static tm_addr fences_end(struct search *search, tm_addr at, tm_addr end)
{
	uint64_t word;

	for (int i = 0; i < MAX_FENCES; i++) {
		if (!size_word(search, at, end, &word) ||
		    (word & ~(uint64_t)PREV_INUSE) != FENCE_SIZE)
			return 0;
		at += FENCE_SIZE;
		if (i > 0 && at % TM_PAGE == 0)
			return at;
	}
	return 0;
}

/* Where the piece ends that begins at `start`, in memory up to `end`; 0: none does. */
static tm_addr piece_end(struct search *search, tm_addr start, tm_addr end)
{
	tm_addr at = start;
	uint64_t word, size;

	while (size_word(search, at, end, &word)) {
		size = word & ~(uint64_t)SIZE_BITS;
		if (size == FENCE_SIZE && at > start)
			return fences_end(search, at, end);
		if (word & (SIZE_BITS - PREV_INUSE) || (at == start && !(word & PREV_INUSE)) ||
		    size < MIN_CHUNK || size % 16 || size > end - at || size > search->left)
			return 0;
		if (at == search->top)
			return at + size;
		at += size;
	}
	return 0;
}

static void add(struct search *search, tm_addr start, tm_addr end)
{
	struct glibc_pieces *ret = search->ret;

	ret->items = tm_grow(ret->items, &ret->cap, ret->n + 1, sizeof(*ret->items));
	ret->items[ret->n++] = (struct tm_range){ start, end };
	search->left -= end - start;
}

/* A block with a mapping of its own may hold anything. */
static uint64_t large_size(uint64_t word, uint64_t left)
{
	const uint64_t size = (word & ~(uint64_t)SIZE_BITS) + TM_PAGE - 1;

	return (word & SIZE_BITS) == GLIBC_MMAPPED && size <= left ? size / TM_PAGE * TM_PAGE : 0;
}

/* What begins at `at`: how long it is, at least a page. */
static uint64_t look_at(struct search *search, tm_addr at, tm_addr end)
{
	uint64_t head[2], large;
	const bool first = search->base >= at && search->base - at < TM_PAGE;
	const tm_addr start = first ? search->base : at, chunk = (start + 15) / 16 * 16;
	struct tm_err ignored;
	tm_addr found;

	if (!tm_mem_read(search->mem, chunk, head, sizeof(head), &ignored))
		return TM_PAGE;
	large = large_size(head[1], end - chunk);
	if (large && head[0] == 0)
		return large;
	if ((head[1] & SIZE_BITS) != PREV_INUSE)
		return TM_PAGE;
	found = piece_end(search, chunk, end);
	if (!found || found - start > search->left)
		return TM_PAGE;
	add(search, start, found);
	return (found - at + TM_PAGE - 1) / TM_PAGE * TM_PAGE;
}

static bool is_eligible(const struct tm_region *region)
{
	return region->inode == 0 && region->readable && region->writable && !region->shared &&
	       !(region->path[0] == '[' && region->path[1] == 's');
}

/* Mappings that follow each other without a gap are one. */
static void search_run(struct search *search, tm_addr at, tm_addr end)
{
	while (at < end && search->left > 0 && search->pages > 0) {
		search->pages--;
		at += look_at(search, at, end);
	}
}

static void search_all(struct search *search, const struct tm_maps *maps)
{
	for (size_t i = 0; i < maps->n && search->left > 0; i++) {
		const tm_addr start = maps->regions[i].start;

		if (!is_eligible(&maps->regions[i]))
			continue;
		while (i + 1 < maps->n && is_eligible(&maps->regions[i + 1]) &&
		       maps->regions[i].end == maps->regions[i + 1].start)
			i++;
		search_run(search, start, maps->regions[i].end);
	}
}

static bool has(const struct glibc_pieces *pieces, tm_addr at)
{
	for (size_t i = 0; i < pieces->n; i++)
		if (tm_range_has(pieces->items[i], at))
			return true;
	return false;
}

/* Nothing leads from one to the next; they are all when they are as large as the
 * arena says. */
static bool find_mapped(struct search *search, const struct tm_maps *maps)
{
	TM_GUARD(tm_free_ptr) char *window = tm_malloc(WINDOW);

	search->window = window;
	search_all(search, maps);
	return search->left == 0 && has(search->ret, search->top) &&
	       has(search->ret, search->base);
}

bool glibc_pieces_find(struct tm_mem *mem, const struct heap_glibc *heap,
		       struct glibc_pieces *ret)
{
	struct search search = { .mem = mem, .pages = MAX_PAGES, .ret = ret };
	const tm_addr bins = heap->main_arena + heap->bins;
	uint32_t flags;
	struct tm_err ignored;
	tm_addr end;

	if (!tm_mem_u32(mem, heap->main_arena + FLAGS, &flags, &ignored) ||
	    !tm_mem_u64(mem, heap->sbrk_base, &search.base, &ignored) ||
	    !tm_mem_u64(mem, bins + TOP, &search.top, &ignored) ||
	    !tm_mem_u64(mem, bins + SYSTEM_MEM, &search.left, &ignored) ||
	    !glibc_top_end(mem, bins, &end))
		return false;
	if (flags & NONCONTIGUOUS)
		return find_mapped(&search, heap->maps);
	if (end - search.base != search.left)
		return false;
	add(&search, search.base, end);
	return true;
}
