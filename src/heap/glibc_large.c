#include "base/load.h"
#include "heap/glibc_private.h"

enum {
	CHUNK_HEAD = 16,
	/* Blocks that were asked to be aligned begin so far into their mapping,
	 * at most; such a chunk holds the distance before its size. */
	MAX_ALIGNED = TM_PAGE,
};

/* The search for chunks that have mappings. */
struct search {
	struct tm_mem *mem;
	const struct tm_maps *maps;
	struct heap_blocks *blocks;
	uint32_t before;            /* so many of these have mappings by another allocator */
	uint64_t told;              /* bytes, by malloc's count */
	uint32_t number[2];         /* of them, by its count, which is one of these */
	uint64_t mapped, sizes;     /* of those found, with and without the rest
				       of the last page */
	bool short_sizes;           /* they leave out a head: 2.43 */
	uint32_t limit, pages;      /* that may be examined, and still may */
	bool thorough;              /* every page, and aligned blocks */
};

/*
 * All that malloc counts were found. 2.43 counts 16 bytes too few each time that it
 * gives one back, so that its bytes are more than there are by a multiple of that.
 */
static bool is_complete(const struct search *search)
{
	const uint32_t n = search->blocks->nlarges - search->before;

	if (n != search->number[0] && n != search->number[1])
		return false;
	return search->mapped == search->told || search->sizes == search->told ||
	       (search->short_sizes && (search->told - search->mapped) % CHUNK_HEAD == 0);
}

static bool is_eligible(const struct tm_region *region)
{
	return region->inode == 0 && region->readable && region->writable &&
	       !region->shared &&
	       (region->path[0] == '\0' || region->path[0] == '[') &&
	       !(region->path[0] == '[' && (region->path[1] == 'h' ||
					    region->path[1] == 's'));
}

/* Since 2.43 the size leaves out a head at the end. */
static uint64_t mapping_size(const char *head, uint64_t distance, uint64_t left)
{
	uint64_t before = tm_load_u64(head, 0), word = tm_load_u64(head, SIZE);
	uint64_t size = word & ~(uint64_t)SIZE_BITS, whole;

	if ((word & SIZE_BITS) != GLIBC_MMAPPED || before != distance ||
	    size < MIN_CHUNK || size % 16 || size > left)
		return 0;
	whole = size + distance;
	if (whole % TM_PAGE == TM_PAGE - CHUNK_HEAD)
		whole += CHUNK_HEAD;
	return whole % TM_PAGE == 0 && whole <= left ? whole : 0;
}

/* The length of the mapping that begins here; 0: it is not a chunk's. */
static uint64_t take(struct search *search, tm_addr at, uint64_t left)
{
	const size_t last = search->thorough ? MAX_ALIGNED : CHUNK_HEAD;
	char bytes[TM_PAGE];
	size_t len = search->thorough ? TM_PAGE : CHUNK_HEAD;
	struct tm_err err;

	if (!tm_mem_read(search->mem, at, bytes, len, &err))
		return 0;
	for (size_t align = CHUNK_HEAD; align <= last; align *= 2) {
		size_t distance = align - CHUNK_HEAD;
		uint64_t whole = mapping_size(bytes + distance, distance, left), size;

		if (whole == 0)
			continue;
		size = tm_load_u64(bytes, distance + SIZE) & ~(uint64_t)SIZE_BITS;
		if (whole > search->told - search->mapped ||
		    !heap_blocks_add_large(search->blocks, at + align,
					   size - CHUNK_HEAD))
			return 0;
		search->mapped += whole;
		search->short_sizes |= (size + distance) % TM_PAGE != 0;
		search->sizes += size;
		return whole;
	}
	return 0;
}

/* Where the mappings end that follow region `i` without a gap: a chunk is in several
 * where parts of it were advised differently, as numpy does for huge pages. */
static tm_addr run_end(const struct tm_maps *maps, size_t i)
{
	while (i + 1 < maps->n && is_eligible(&maps->regions[i + 1]) &&
	       maps->regions[i + 1].start == maps->regions[i].end)
		i++;
	return maps->regions[i].end;
}

/* From `at` in region `i`; what was taken may end in one that follows. */
static tm_addr search_region(struct search *search, size_t i, tm_addr at)
{
	const struct tm_region *region = &search->maps->regions[i];
	const tm_addr end = run_end(search->maps, i);

	while (at < region->end && !is_complete(search) && search->pages > 0) {
		uint64_t len = 0;

		search->pages--;
		if (!heap_blocks_covers(search->blocks, at))
			len = take(search, at, end - at);
		if (len == 0 && !search->thorough)
			break;
		at += len ? len : TM_PAGE;
	}
	return at;
}

static bool search_all(struct search *search)
{
	tm_addr at = 0;

	search->blocks->nlarges = search->before;
	search->short_sizes = false;
	search->mapped = search->sizes = 0;
	search->pages = search->limit;
	for (size_t i = 0; i < search->maps->n && !is_complete(search); i++) {
		const struct tm_region *region = &search->maps->regions[i];

		if (is_eligible(region))
			at = search_region(search, i, at > region->start ? at : region->start);
	}
	return is_complete(search);
}

static void show(const struct search *search, const struct heap_heads *heads)
{
	for (uint32_t i = search->before; i < search->blocks->nlarges; i++) {
		const tm_addr at = search->blocks->larges[i].at;
		char head[HEAP_HEAD];
		struct tm_err err;

		if (tm_mem_read(search->mem, at, head, sizeof(head), &err) &&
		    heads->wants(heads->ctx, head))
			heads->take(heads->ctx, at);
	}
}

enum heap_result heap_glibc_large(struct tm_mem *mem, const struct tm_maps *maps,
				  const struct heap_glibc *heap, uint32_t pages,
				  const struct heap_heads *heads,
				  struct heap_blocks *blocks)
{
	struct search search = {
		.mem = mem, .maps = maps, .blocks = blocks, .limit = pages,
		.before = blocks->nlarges,
	};
	struct tm_err err;

	if (!tm_mem_u64(mem, heap->sbrk_base + MMAPPED, &search.told, &err) ||
	    !tm_mem_u32(mem, heap->sbrk_base + N_MMAPS, &search.number[0], &err) ||
	    !tm_mem_u32(mem, heap->sbrk_base + N_MMAPS_2_35, &search.number[1], &err))
		return HEAP_CONTRADICTS;
	search.thorough = !search_all(&search);
	if (search.thorough && !search_all(&search))
		return HEAP_CONTRADICTS;
	if (heads)
		show(&search, heads);
	return HEAP_TOLD;
}
