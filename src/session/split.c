#include "session/split.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "session/stacks_find.h"
#include "target/pages.h"

enum {
	LARGE = 1 << 20,      /* pages looked at for blocks with mappings, */
	LARGE_HELD = 1 << 12, /* and while the target is stopped */
	HELD = 1 << 30,       /* bytes in memory that are looked up meanwhile */
	NO_PARTS = sizeof(((struct tm_memory *)0)->why_no_parts),
};

static void take_free(void *ctx, tm_addr at, uint64_t size, bool fast)
{
	struct tm_split *split = ctx;

	(void)fast;
	tm_extents_add(&split->free, at, at + size);
}

static void take_heap(void *ctx, tm_addr start, tm_addr end)
{
	struct tm_split *split = ctx;

	tm_extents_add(&split->heaps, start, end);
}

/* Blocks with mappings of their own are among malloc's, too. */
static bool take_large(struct tm_split *split, const struct heap_glibc *heap,
		       const struct tm_instant *instant, const struct tm_maps *maps)
{
	TM_GUARD(heap_blocks_free) struct heap_blocks blocks = { 0 };
	struct tm_extents *heaps = &split->heaps;
	const uint32_t pages = instant->held ? LARGE_HELD : LARGE;

	for (size_t i = 0; i < heaps->n; i++)
		if (!heap_blocks_add_span(&blocks, heaps->items[i].start, heaps->items[i].end))
			return false;
	if (heap_glibc_large(instant->mem, maps, heap, pages, NULL, &blocks) != HEAP_TOLD)
		return false;
	for (uint32_t i = 0; i < blocks.nlarges; i++) {
		tm_addr at = blocks.larges[i].at, end = at + blocks.larges[i].size;

		tm_extents_add(heaps, (at - 1) / TM_PAGE * TM_PAGE,
			       (end + TM_PAGE - 1) / TM_PAGE * TM_PAGE);
	}
	return true;
}

void tm_split_clear(struct tm_split *split)
{
	split->heaps.n = split->free.n = split->arenas.n = 0;
}

void tm_split_free(struct tm_split *split)
{
	tm_extents_free(&split->heaps);
	tm_extents_free(&split->free);
	tm_extents_free(&split->arenas);
}

struct heap_visit tm_split_visit(struct tm_split *split)
{
	return (struct heap_visit){ .free = take_free, .heap = take_heap, .ctx = split };
}

/* The pages of one kind that mappings have, asked for one mapping after the other. */
struct cursor {
	const struct tm_extents *extents;
	size_t next;
};

/* UINT64_MAX: all. */
static uint64_t within(struct cursor *cursor, struct tm_pages *pages,
		       const struct tm_region *region)
{
	const struct tm_extents *all = cursor->extents;
	uint64_t sum = 0;

	while (cursor->next < all->n && all->items[cursor->next].end <= region->start)
		cursor->next++;
	for (size_t i = cursor->next; i < all->n && all->items[i].start < region->end; i++) {
		const struct tm_extent *e = &all->items[i];

		if (e->start <= region->start && e->end >= region->end)
			return UINT64_MAX;
		sum += tm_pages_resident(pages, e->start > region->start ? e->start : region->start,
					 e->end < region->end ? e->end : region->end);
	}
	return sum;
}

/* One reading on its way. */
struct reading {
	const struct tm_maps *maps;
	struct tm_memory *ret;
	struct tm_pages pages;
	struct cursor heaps, free, arenas, stacks;
	uint64_t arenas_sum;
};

static uint64_t at_most(uint64_t n, uint64_t limit)
{
	return n < limit ? n : limit;
}

/* Data of an image: in a mapping of its file, or right behind it (.bss). */
static bool is_of_image(const struct tm_maps *maps, const struct tm_region *region)
{
	const struct tm_region *before = region - 1;

	return region->inode != 0 ||
	       (region > maps->regions && region->path[0] == '\0' && before->inode != 0 &&
		before->writable && !before->shared && before->end == region->start);
}

/* So many anonymous bytes of a mapping are in memory. What is in it is counted first by
 * allocators, which know; a page that was only read counts for them and not for the
 * kernel, which decides. */
static void add_region(struct reading *now, const struct tm_region *region, uint64_t left)
{
	struct tm_memory *ret = now->ret;
	uint64_t part = at_most(within(&now->heaps, &now->pages, region), left), n;

	n = at_most(within(&now->free, &now->pages, region), part);
	ret->malloc_free_resident += n;
	ret->malloc_used_resident += part - n;
	left -= part;
	part = at_most(within(&now->arenas, &now->pages, region), left);
	now->arenas_sum += part;
	left -= part;
	part = strncmp(region->path, "[stack", 6) == 0 ? left :
	       at_most(within(&now->stacks, &now->pages, region), left);
	ret->stacks += part;
	left -= part;
	if (is_of_image(now->maps, region))
		ret->images += left;
	else
		ret->mapped += left;
}

/* The mapping that a line of smaps begins; NULL: it is another line. */
static const struct tm_region *begins(const struct tm_maps *maps, const char *line)
{
	const char first = line[0];
	uint64_t start;

	if (!((first >= '0' && first <= '9') || (first >= 'a' && first <= 'f')) ||
	    sscanf(line, "%" SCNx64 "-", &start) != 1)
		return NULL;
	return tm_maps_find(maps, start);
}

static bool read_smaps(struct reading *now, pid_t pid)
{
	TM_GUARD(tm_file_close) FILE *file = NULL;
	const struct tm_region *region = NULL;
	char line[512], path[64];
	uint64_t kib;

	snprintf(path, sizeof(path), "/proc/%d/smaps", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		const struct tm_region *next = begins(now->maps, line);

		region = next ? next : region;
		if (region && sscanf(line, "Anonymous: %" SCNu64, &kib) == 1 && kib)
			add_region(now, region, kib * 1024);
	}
	return true;
}

/* What the kernel counts beside them: memory that copies do not get. */
static void conclude(struct reading *now)
{
	struct tm_memory *ret = now->ret;
	const uint64_t sum = ret->malloc_used_resident + ret->malloc_free_resident +
			     ret->stacks + ret->images + ret->mapped;
	const uint64_t all = ret->anonymous - now->arenas_sum;

	ret->has_parts = sum <= all && now->arenas_sum <= ret->anonymous;
	if (!ret->has_parts)
		return;
	ret->unseen = all - sum;
	/* Without pages that were only read, also by us. */
	if (ret->has_arenas)
		ret->arenas = now->arenas_sum;
}

static void read_parts(struct tm_split *split, const struct tm_instant *instant,
		       const struct tm_maps *maps, struct tm_memory *ret)
{
	TM_GUARD(tm_extents_free) struct tm_extents stacks = { 0 };
	TM_GUARD(tm_free_ptr) struct reading *now = tm_calloc(1, sizeof(*now));

	ret->malloc_used_resident = ret->malloc_free_resident = 0;
	ret->stacks = ret->images = ret->mapped = 0;
	tm_pages_open(&now->pages, instant->pid);
	tm_stacks_find(instant, maps, &split->heaps, &now->pages, &stacks);
	ret->nstacks = stacks.n;
	tm_extents_sort(&split->heaps);
	tm_extents_sort(&split->free);
	tm_extents_sort(&split->arenas);
	tm_extents_sort(&stacks);
	now->maps = maps;
	now->ret = ret;
	now->heaps.extents = &split->heaps;
	now->free.extents = &split->free;
	now->arenas.extents = &split->arenas;
	now->stacks.extents = &stacks;
	if (read_smaps(now, instant->pid))
		conclude(now);
	tm_pages_close(&now->pages);
}

static bool unknown(struct tm_memory *ret, const char *why)
{
	snprintf(ret->why_no_parts, NO_PARTS, "%s", why);
	return false;
}

/* Each mapping's pages are looked up, which takes its time where there are many. */
static bool can_be_told(struct tm_split *split, const struct heap_glibc *heap,
			const struct tm_instant *instant, const struct tm_maps *maps,
			struct tm_memory *ret)
{
	if (instant->held && ret->rss > HELD)
		return unknown(ret, "too much to look through while it is stopped");
	if (!ret->has_malloc)
		split->heaps.n = split->free.n = 0;
	else if (!take_large(split, heap, instant, maps))
		return unknown(ret, "malloc's blocks with mappings were not found");
	return true;
}

void tm_split_read(struct tm_split *split, const struct heap_glibc *heap,
		   const struct tm_instant *instant, const struct tm_maps *maps,
		   struct tm_memory *ret)
{
	ret->has_parts = false;
	if (!ret->has_resident || !can_be_told(split, heap, instant, maps, ret))
		return;
	unknown(ret, "the kernel counts other pages");
	read_parts(split, instant, maps, ret);
}
