#include "heap/mimalloc.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "base/map.h"
#include "base/search.h"

/* mi_segment_t and mi_page_t, mimalloc/types.h of CPython 3.13: version 2.1.2 of mimalloc,
 * release builds, Py_GIL_DISABLED. */
enum {
	SEGMENT_USED = 208, SEGMENT_COOKIE = 216, SEGMENT_SLICES = 224, SEGMENT_INFO = 232,
	SEGMENT_KIND = 240, SEGMENT_ENTRIES = 248, SEGMENT_PAGES = 264,
	PAGE_SIZE = 96,
	SLICE_COUNT = 0, SLICE_OFFSET = 4, PAGE_BITS = 8, CAPACITY = 10, RESERVED = 12, FREE = 16,
	USED = 24, BLOCK_SIZE = 28, LOCAL_FREE = 32, THREAD_FREE = 40, PAGE_HEAP = 48,
	HEAP_DELAYED = 2840, HEAP_PAGES = 3024, /* mi_heap_t: thread_delayed_free, page_count */
	TAG_SHIFT = 3, TAG_MASK = 15,      /* of PAGE_BITS */
	THREAD_FREE_BITS = 3,              /* mi_delayed_t */
};

enum {
	SLICE = 1 << 16, SEGMENT = 1 << 25, MAX_ENTRIES = SEGMENT / SLICE,
	HEAD = SEGMENT_PAGES + (MAX_ENTRIES + 1) * PAGE_SIZE,
	FIRST = SEGMENT_PAGES + PAGE_SIZE,
	SMALL = 64, MIDDLE = 512,
};
#define HUGE_BLOCK 0x80000000u             /* and larger: as large as its page */

/* A thread has one for each tag. */
struct owner {
	tm_addr at;
	uint64_t pages;                    /* that were found of it */
};

/* What all is read with. */
struct reading {
	struct tm_mem *mem;
	const struct heap_heads *heads;
	struct heap_blocks *blocks;
	struct owner *owners;
	size_t nowners, cap_owners;
	struct tm_map by_address;          /* of an owner: its number */
	tm_addr *delayed;                  /* blocks that were freed, ascending */
	size_t ndelayed, cap_delayed;
	uint64_t most;                     /* so many blocks there can be */
	char *head;                        /* of a segment */
	char *bytes;                       /* of a page */
	uint64_t cookie;
	bool has_cookie;
};

/* A page as it is read. */
struct page {
	tm_addr at;                        /* its first block */
	uint64_t size;                     /* of a block */
	uint32_t capacity, free;
	uint8_t tag;
	const char *bytes;                 /* of all blocks ever used; NULL: not needed */
};

void heap_mimalloc_free(struct heap_mimalloc *heap)
{
	free(heap->segments);
	*heap = (struct heap_mimalloc){ 0 };
}

/* ---- one page -------------------------------------------------------------------------- */

/* _mi_segment_page_start_from_slice(), segment.c */
static uint64_t start_of(uint64_t size)
{
	if (size < 8 || size > MIDDLE)
		return 0;
	return size <= SMALL ? 3 * size : size;
}

/* Clear the bits of those on the list, and count them. False: it is none. */
static bool clear_free(struct page *page, tm_addr at, uint64_t *used)
{
	for (; at; page->free++) {
		const uint64_t off = at - page->at, slot = off / page->size;
		const uint64_t bit = (uint64_t)1 << slot % 64;

		if (off % page->size || slot >= page->capacity || !(used[slot / 64] & bit))
			return false;
		used[slot / 64] &= ~bit;
		at = tm_load_u64(page->bytes, (size_t)off);
	}
	return true;
}

/* Those of the page that other threads have given back to its heap. */
static bool clear_delayed(const struct reading *reading, struct page *page, uint64_t *used)
{
	const tm_addr *at = reading->delayed;
	const tm_addr end = page->at + page->capacity * page->size;

	for (size_t i = TM_LOWER_BOUND(reading->ndelayed, k, at[k] < page->at);
	     i < reading->ndelayed && at[i] < end; i++, page->free++) {
		const uint64_t off = at[i] - page->at, slot = off / page->size;
		const uint64_t bit = (uint64_t)1 << slot % 64;

		if (off % page->size || !(used[slot / 64] & bit))
			return false;
		used[slot / 64] &= ~bit;
	}
	return true;
}

/* Those in use that are wanted. */
static void show(const struct heap_heads *heads, const struct page *page, const uint64_t *used)
{
	for (uint32_t i = 0; i < page->capacity; i++)
		if (used[i / 64] >> i % 64 & 1 &&
		    heads->wants(heads->ctx, page->bytes + i * page->size))
			heads->take(heads->ctx, page->at + i * page->size);
}

static bool add_row(struct reading *reading, struct page *page, const char *head)
{
	uint64_t used[HEAP_ROW_SLOTS / 64];
	const uint64_t length = page->capacity * page->size;
	const uint32_t counted = tm_load_u32(head, USED);
	const tm_addr remote = tm_load_u64(head, THREAD_FREE) & ~(uint64_t)THREAD_FREE_BITS;
	uint32_t before;
	struct tm_err err;

	if (page->capacity > HEAP_ROW_SLOTS || length > HEAP_ROW_BYTES)
		return false;
	if (!tm_mem_read(reading->mem, page->at, reading->bytes, (size_t)length, &err))
		return false;
	page->bytes = reading->bytes;
	memset(used, 0xff, sizeof(used));
	/* Blocks that another thread has freed still count as used. */
	if (!clear_free(page, remote, used) || !clear_delayed(reading, page, used))
		return false;
	before = page->free;
	if (!clear_free(page, tm_load_u64(head, FREE), used) ||
	    !clear_free(page, tm_load_u64(head, LOCAL_FREE), used) ||
	    counted - before != page->capacity - page->free)
		return false;
	if (reading->heads)
		show(reading->heads, page, used);
	return page->capacity == page->free ||
	       heap_blocks_add_row(reading->blocks, page->at, (uint32_t)page->size,
				   page->capacity, used, page->tag);
}

static bool is_delayed(const struct reading *reading, tm_addr at)
{
	const tm_addr *delayed = reading->delayed;
	size_t i = TM_LOWER_BOUND(reading->ndelayed, k, delayed[k] < at);

	return i < reading->ndelayed && delayed[i] == at;
}

/* A block as large as its page. */
static bool add_whole(struct reading *reading, const struct page *page, const char *head)
{
	const uint64_t remote = tm_load_u64(head, THREAD_FREE) & ~(uint64_t)THREAD_FREE_BITS;
	struct tm_err err;

	if (page->capacity > 1 || tm_load_u32(head, USED) > page->capacity)
		return false;
	/* On any list it is free. */
	if (tm_load_u32(head, USED) == 0 || tm_load_u64(head, FREE) ||
	    tm_load_u64(head, LOCAL_FREE) || remote || is_delayed(reading, page->at))
		return true;
	if (reading->heads && tm_mem_read(reading->mem, page->at, reading->bytes, HEAP_HEAD, &err) &&
	    reading->heads->wants(reading->heads->ctx, reading->bytes))
		reading->heads->take(reading->heads->ctx, page->at);
	return heap_blocks_add_whole(reading->blocks, page->at, page->size, page->tag);
}

static bool add_page(struct reading *reading, tm_addr at, uint64_t length, const char *head)
{
	struct page page = {
		.size = tm_load_u32(head, BLOCK_SIZE),
		.capacity = tm_load_u16(head, CAPACITY),
		.tag = tm_load_u8(head, PAGE_BITS) >> TAG_SHIFT & TAG_MASK,
	};

	page.at = at + start_of(page.size);
	if (page.size >= HUGE_BLOCK)
		page.size = length;
	if (page.size % 8 || page.capacity > tm_load_u16(head, RESERVED) ||
	    tm_load_u16(head, RESERVED) * page.size > length)
		return false;
	if (reading->heads && (page.size < HEAP_HEAD || page.size < reading->heads->min))
		return true;
	if (page.size > HEAP_ROW_BYTES / 4)
		return add_whole(reading, &page, head);
	return add_row(reading, &page, head);
}

/* ---- one segment ------------------------------------------------------------------------ */

typedef bool page_fn(struct reading *reading, tm_addr at, uint64_t length, const char *head);

/* Each page of a segment, as many as it counts. */
static bool each_page(struct reading *reading, const struct heap_segment *segment, page_fn *fn)
{
	const char *head = reading->head;
	uint64_t entries, i, pages = 0;
	struct tm_err err;

	if (!tm_mem_read(reading->mem, segment->at, reading->head, HEAD, &err))
		return false;
	entries = tm_load_u64(head, SEGMENT_ENTRIES);
	for (i = tm_load_u64(head, SEGMENT_INFO); i < entries && entries <= MAX_ENTRIES;) {
		const char *page = head + SEGMENT_PAGES + i * PAGE_SIZE;
		const uint32_t slices = tm_load_u32(page, SLICE_COUNT);

		if (slices == 0 || tm_load_u32(page, SLICE_OFFSET) ||
		    slices > segment->size / SLICE - i)
			return false;
		if (tm_load_u32(page, BLOCK_SIZE)) {
			pages++;
			if (!fn(reading, segment->at + i * SLICE, (uint64_t)slices * SLICE, page))
				return false;
		}
		i += slices;
	}
	return pages == tm_load_u64(head, SEGMENT_USED);
}

/* ---- heaps ------------------------------------------------------------------------------ */

/* Blocks that others have freed are linked by their first words, in a page that was full at
 * its heap. */
static bool add_delayed(struct reading *reading, tm_addr heap)
{
	struct tm_err err;
	tm_addr at;

	if (!tm_mem_u64(reading->mem, heap + HEAP_DELAYED, &at, &err))
		return false;
	while (at) {
		if (reading->ndelayed == reading->most)
			return false;
		reading->delayed = tm_grow(reading->delayed, &reading->cap_delayed,
					   reading->ndelayed + 1, sizeof(*reading->delayed));
		reading->delayed[reading->ndelayed++] = at;
		if (!tm_mem_u64(reading->mem, at, &at, &err))
			return false;
	}
	return true;
}

/* Pages of threads that have ended are of no heap. */
static bool note_owner(struct reading *reading, tm_addr at, uint64_t length, const char *head)
{
	const tm_addr heap = tm_load_u64(head, PAGE_HEAP);
	uint32_t *number;

	(void)at;
	if (!heap)
		return true;
	reading->most += length / tm_load_u32(head, BLOCK_SIZE);
	number = tm_map_put(&reading->by_address, heap);
	if (*number == TM_MAP_NONE) {
		*number = (uint32_t)reading->nowners;
		reading->owners = tm_grow(reading->owners, &reading->cap_owners,
					  reading->nowners + 1, sizeof(*reading->owners));
		reading->owners[reading->nowners++] = (struct owner){ heap, 0 };
	}
	reading->owners[*number].pages++;
	return true;
}

static int compare_addresses(const void *left, const void *right)
{
	const tm_addr *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

/* All their pages were found, and what is given back to them. */
static bool read_owners(struct reading *reading)
{
	for (size_t i = 0; i < reading->nowners; i++) {
		const struct owner *owner = &reading->owners[i];
		struct tm_err err;
		uint64_t pages;

		if (!tm_mem_u64(reading->mem, owner->at + HEAP_PAGES, &pages, &err) ||
		    pages != owner->pages || !add_delayed(reading, owner->at))
			return false;
	}
	if (reading->ndelayed)
		qsort(reading->delayed, reading->ndelayed, sizeof(*reading->delayed),
		      compare_addresses);
	return true;
}

/* Its first slices are its own. */
static bool is_segment(struct reading *reading, tm_addr at, uint64_t room)
{
	const char *head = reading->head;
	const uint64_t slices = tm_load_u64(head, SEGMENT_SLICES);
	const uint64_t info = tm_load_u64(head, SEGMENT_INFO);
	const uint64_t cookie = tm_load_u64(head, SEGMENT_COOKIE) ^ at;

	if (slices == 0 || slices > room / SLICE || info == 0 || info >= slices ||
	    info >= MAX_ENTRIES || tm_load_u64(head, SEGMENT_ENTRIES) !=
		    (slices < MAX_ENTRIES ? slices : MAX_ENTRIES) ||
	    tm_load_u32(head, SEGMENT_KIND) > 1 ||
	    tm_load_u32(head, SEGMENT_PAGES + SLICE_COUNT) != info ||
	    tm_load_u64(head, SEGMENT_USED) == 0)
		return false;
	if (reading->has_cookie)
		return cookie == reading->cookie;
	reading->cookie = cookie;
	reading->has_cookie = true;
	return true;
}

/* What is there, one or room for one; how far the next may be. */
static uint64_t add_segment(struct reading *reading, tm_addr at, uint64_t room,
			    struct heap_mimalloc *ret)
{
	uint64_t size = SEGMENT;
	struct tm_err err;
	bool used;

	if (room < SEGMENT)
		return room;
	used = tm_mem_read(reading->mem, at, reading->head, FIRST, &err) &&
	       is_segment(reading, at, room);
	if (used)
		size = tm_load_u64(reading->head, SEGMENT_SLICES) * SLICE;
	ret->segments = tm_grow(ret->segments, &ret->cap, ret->n + 1, sizeof(*ret->segments));
	ret->segments[ret->n++] = (struct heap_segment){ at, size, used };
	return (size + SEGMENT - 1) & ~(uint64_t)(SEGMENT - 1);
}

/* ---- all of them ------------------------------------------------------------------------- */

/* It maps memory by the GiB: where one segment is, the rest is for others. */
static void find_segments(struct reading *reading, const struct tm_region *region,
			  struct heap_mimalloc *ret)
{
	const size_t before = ret->n;
	bool used = false;

	for (tm_addr at = (region->start + SEGMENT - 1) & ~(tm_addr)(SEGMENT - 1);
	     at < region->end;)
		at += add_segment(reading, at, region->end - at, ret);
	for (size_t i = before; i < ret->n; i++)
		used |= ret->segments[i].used;
	if (!used)
		ret->n = before;
}

static bool each_segment(struct reading *reading, const struct heap_mimalloc *heap, page_fn *fn)
{
	for (size_t i = 0; i < heap->n; i++)
		if (heap->segments[i].used && !each_page(reading, &heap->segments[i], fn))
			return false;
	return true;
}

static void reading_free(struct reading *reading)
{
	free(reading->head);
	free(reading->bytes);
	free(reading->owners);
	free(reading->delayed);
	tm_map_free(&reading->by_address);
}

enum heap_result heap_mimalloc_read(struct tm_mem *mem, const struct tm_maps *maps,
				    const struct heap_heads *heads,
				    struct heap_mimalloc *ret, struct heap_blocks *blocks)
{
	TM_GUARD(reading_free) struct reading reading = {
		.mem = mem, .heads = heads, .blocks = blocks, .head = tm_malloc(HEAD),
		.bytes = tm_malloc(HEAP_ROW_BYTES),
	};

	for (size_t i = 0; i < maps->n; i++) {
		const struct tm_region *region = &maps->regions[i];

		if (!region->inode && !region->shared && region->readable && region->writable)
			find_segments(&reading, region, ret);
	}
	if (each_segment(&reading, ret, note_owner) && read_owners(&reading) &&
	    each_segment(&reading, ret, add_page))
		return HEAP_TOLD;
	return HEAP_CONTRADICTS;
}
