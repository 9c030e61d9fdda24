#include "py/typed.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/big.h"
#include "base/guard.h"
#include "base/load.h"
#include "image/image.h"
#include "mem/paged.h"
#include "py/census_private.h"
#include "py/collector.h"
#include "py/interpreters.h"
#include "py/tracked.h"

enum {
	OB_TYPE = 8, OBJECT_HEAD = 16,
	HOOK_HEAD = 16, HOOK_TAIL = 8,
	WINDOW = 1 << 20,
	PAGES = 4096,
};

/* A block that was found, and is to be looked at. */
struct item {
	tm_addr at;              /* its user part begins so far after it: */
	uint64_t size;
	uint32_t shift;          /* words of debug hooks */
	uint32_t offset;         /* of the object in it */
	uint32_t type, refs;     /* of an object; or of a buffer its aux */
	uint16_t use;            /* of a buffer: enum py_use */
	bool buffer, known;      /* known: it is one of the blocks already */
};

struct typed {
	struct py_outside outside; /* first: what leads here */
	struct py_census *census;
	struct tm_range *images; /* ascending */
	size_t nimages, cap_images;
	struct item *items;      /* those from `next` on have not been looked at */
	size_t n, next, cap;
	size_t added;            /* of these, they are blocks */
	struct tm_map seen;      /* addresses that were asked for */
	struct tm_map starts;    /* of blocks */
	bool alone;              /* one of the items is looked at */
	char *window;
};

/* ---- where they may be ---------------------------------------------------------------- */

static void find_images(struct typed *typed)
{
	const struct tm_maps *maps = typed->census->maps;

	for (size_t i = 0; i < maps->n; i++) {
		TM_GUARD(tm_image_free) struct tm_image image = { 0 };
		struct tm_err ignored;

		if (maps->regions[i].offset != 0 || maps->regions[i].path[0] != '/' ||
		    !tm_image_read_head(typed->census->mem, &maps->regions[i], &image, &ignored))
			continue;
		typed->images = tm_grow(typed->images, &typed->cap_images, typed->nimages + 1,
					sizeof(*typed->images));
		typed->images[typed->nimages++] = image.whole;
	}
}

/* Static objects, and so those in the zeroed data of an image, are no blocks. */
static bool is_static(const struct py_outside *outside, tm_addr at)
{
	const struct typed *typed = (const struct typed *)outside;

	for (size_t i = 0; i < typed->nimages; i++)
		if (tm_range_has(typed->images[i], at))
			return true;
	return false;
}

/* How much memory of a program's own is there from `at` on. */
static uint64_t memory_at(const struct typed *typed, tm_addr at)
{
	const struct tm_region *region = tm_maps_find(typed->census->maps, at);

	if (!region || region->inode || !region->readable || !region->writable ||
	    heap_blocks_covers(&typed->census->blocks, at) || is_static(&typed->outside, at))
		return 0;
	return region->end - at;
}

/* ---- what is found ----------------------------------------------------------------------- */

static void add(struct typed *typed, struct item item)
{
	uint32_t *start = tm_map_put(&typed->starts, item.at);

	if (*start != TM_MAP_NONE)
		return;
	*start = 0;
	typed->items = tm_grow(typed->items, &typed->cap, typed->n + 1, sizeof(item));
	typed->items[typed->n++] = item;
}

/* What debug hooks have put around it; they know how much was asked for. */
static void add_hooks(const struct typed *typed, struct item *item)
{
	char bytes[HOOK_HEAD];
	struct tm_err ignored;
	uint64_t asked;

	for (int i = 0; i < 2; i++) {
		if (!tm_mem_read(typed->census->mem, item->at - HOOK_HEAD, bytes, sizeof(bytes),
				 &ignored) ||
		    !py_hook_before(bytes + sizeof(bytes), &asked) || asked < item->size)
			return;
		item->at -= HOOK_HEAD;
		item->shift += HOOK_HEAD;
		item->size = HOOK_HEAD + asked + HOOK_TAIL;
	}
}

/* A block of `size` bytes from `at` on. */
static void add_memory(struct typed *typed, struct item item)
{
	if (item.at % 8 || item.size == 0)
		return;
	add_hooks(typed, &item);
	if (item.size <= memory_at(typed, item.at))
		add(typed, item);
}

/* Those that are tracked stand on the collector's lists, and no others. */
static bool has_links(const struct typed *typed, const struct py_type *type, tm_addr at,
		      bool listed)
{
	const struct py_census *census = typed->census;
	char head[64] = { 0 };
	struct tm_err ignored;
	uint32_t next, prev;
	bool tracked;

	if (!(type->flags & PY_TYPE_HAS_GC))
		return !listed;
	if (!tm_mem_read(census->mem, at - census->gc_head, head, census->gc_head, &ignored))
		return false;
	py_collector_links(census, head, &next, &prev, &tracked);
	return tracked == listed;
}

static void add_object(struct typed *typed, tm_addr at, bool listed)
{
	struct py_census *census = typed->census;
	char head[OBJECT_HEAD];
	struct item item = { 0 };
	const struct py_type *type;
	struct tm_err ignored;

	if (at % 8 || memory_at(typed, at) < sizeof(head) ||
	    !tm_mem_read(census->mem, at, head, sizeof(head), &ignored))
		return;
	item.type = py_type_index(census, tm_load_u64(head, OB_TYPE));
	if (item.type == PY_NO_TYPE || !py_is_alive(census, head, &item.refs))
		return;
	type = &census->types[item.type];
	if (!has_links(typed, type, at, listed))
		return;
	item.offset = type->offset;
	item.at = at - item.offset;
	item.size = item.offset + py_typed_object_size(census, type, at);
	if (item.size >= item.offset + OBJECT_HEAD)
		add_memory(typed, item);
}

static void take_word(struct py_outside *outside, tm_addr at)
{
	struct typed *typed = (struct typed *)outside;
	uint32_t *seen;

	if (at % 8 || memory_at(typed, at) == 0)
		return;
	seen = tm_map_put(&typed->seen, at);
	if (*seen != TM_MAP_NONE)
		return;
	*seen = 0;
	add_object(typed, at, false);
}

/* Of an item, nobody else claims what is in a known block. */
static void add_known(struct typed *typed, uint32_t node, enum py_use use, uint32_t aux)
{
	const struct heap_blocks *blocks = &typed->census->blocks;

	add(typed, (struct item){
		.at = heap_blocks_address(blocks, node), .size = heap_blocks_size(blocks, node),
		.refs = aux, .use = (uint16_t)use, .buffer = true, .known = true,
	});
}

static bool take_claim(struct py_outside *outside, uint32_t node, tm_addr at,
		       enum py_use use, uint32_t aux)
{
	struct typed *typed = (struct typed *)outside;
	const struct py_census *census = typed->census;
	uint32_t before;
	uint64_t size;

	if (node) {
		if (typed->alone)
			add_known(typed, node, use, aux);
		return typed->alone;
	}
	size = py_typed_buffer_size(census, census->planned, census->planned_type, at, use, aux,
				    &before);
	add_memory(typed, (struct item){
		.at = at - before, .size = size, .refs = aux + before, .use = (uint16_t)use,
		.buffer = true,
	});
	return true;
}

/* ---- looking at it ----------------------------------------------------------------------- */

/* As one block more than there are. */
static void set_block(struct py_census *census, const struct item *item)
{
	const uint32_t number = census->blocks.n;
	uint32_t flags = item->buffer ? HEAP_BUFFER : HEAP_OBJECT;

	if (!item->buffer)
		flags |= (item->offset + item->shift) / 16 << HEAP_OFFSET_SHIFT;
	if (item->shift)
		flags |= item->shift > HOOK_HEAD ? HEAP_HEADED_TWICE : HEAP_HEADED;
	census->base.flags[number] = (uint16_t)flags;
	census->base.info[number] = item->type;
	census->refs[number] = item->refs;
	census->found[number] = item->use;
}

static void look_at(struct typed *typed, const struct item *item)
{
	struct py_census *census = typed->census;
	struct heap_piece piece = {
		.number = census->blocks.n, .at = item->at, .size = item->size,
		.bytes = typed->window,
	};

	set_block(census, item);
	for (; piece.off < piece.size; piece.off += piece.len) {
		uint64_t left = piece.size - piece.off;

		piece.len = left < WINDOW ? (size_t)left : WINDOW;
		piece.last = piece.len == left;
		if (tm_mem_read_some(census->mem, piece.at + piece.off, typed->window,
				     piece.len) != piece.len)
			return;
		if (piece.off == 0)
			py_block_begin(census, &piece);
		if (census->nranges == 0)
			return;
		py_block_scan(census, &piece);
	}
}

static void look_at_all(struct typed *typed)
{
	typed->alone = typed->census->collecting = true;
	while (typed->next < typed->n) {
		const struct item item = typed->items[typed->next++];

		look_at(typed, &item);
	}
	typed->alone = typed->census->collecting = false;
}

static bool look_at_piece(void *ctx, const struct heap_piece *piece)
{
	struct py_census *census = ctx;

	if (piece->off == 0)
		py_block_begin(census, piece);
	py_block_scan(census, piece);
	return true;
}

/* ---- the whole ---------------------------------------------------------------------------- */

/* Those that were found become blocks. */
static bool add_blocks(struct typed *typed)
{
	struct heap_blocks *blocks = &typed->census->blocks;

	for (; typed->added < typed->n; typed->added++) {
		const struct item *item = &typed->items[typed->added];

		if (!item->known && !heap_blocks_add_estimated(blocks, item->at, item->size))
			return false;
	}
	return heap_blocks_finish(blocks);
}

static bool add_listed(void *ctx, tm_addr object, struct tm_err *err)
{
	struct typed *typed = ctx;
	uint64_t off;

	(void)err;
	if (!heap_blocks_find(&typed->census->blocks, object, &off))
		add_object(typed, object, true);
	return true;
}

static bool add_lists(struct typed *typed, struct tm_err *err)
{
	TM_GUARD(py_interpreters_free) struct py_interpreters list = { 0 };
	struct py_census *census = typed->census;
	struct py_stack_fields fields;

	return py_stack_fields_read(census->mem, &census->runtime, &fields, err) &&
	       py_interpreters_read(census->mem, &census->runtime, &fields, &list, err) &&
	       py_tracked_each(census->mem, &census->runtime, &list, add_listed, typed, err);
}

/* Room for the numbers of one block more. */
static void grow(struct py_census *census)
{
	const size_t n = census->blocks.n + (size_t)1;
	struct heap_census *base = &census->base;

	base->flags = tm_big_grow(base->flags, n, sizeof(*base->flags));
	base->info = tm_big_grow(base->info, n, sizeof(*base->info));
	census->refs = tm_big_grow(census->refs, n, sizeof(*census->refs));
	census->found = tm_big_grow(census->found, n, sizeof(*census->found));
}

/* First what the lists have: an object that is tracked is one only if its neighbours
 * are. Then what known blocks lead to, and so on. */
static bool find_all(struct typed *typed, struct tm_err *err)
{
	struct py_census *census = typed->census;

	census->outside = &typed->outside;
	find_images(typed);
	if (!py_types_begin(census, err) || !add_lists(typed, err))
		return false;
	typed->next = typed->n;
	if (!add_blocks(typed))
		return tm_err_set(err, TM_ERR_BUSY, census->runtime.name,
				  "its memory contradicts itself");
	if (!py_classify(census, err))
		return false;
	grow(census);
	heap_blocks_stream(&census->blocks, census->mem, false, look_at_piece, census,
			   &census->lost);
	py_named_roots(census);
	py_words_of_roots(census);
	look_at_all(typed);
	return add_blocks(typed) ||
	       tm_err_set(err, TM_ERR_BUSY, census->runtime.name,
			  "its memory contradicts itself");
}

static void typed_free(struct typed *typed)
{
	free(typed->images);
	free(typed->items);
	free(typed->window);
	tm_map_free(&typed->seen);
	tm_map_free(&typed->starts);
}

bool py_typed_add(struct tm_mem *mem, const struct tm_maps *maps,
		  const struct py_runtime *runtime, const struct py_arena_list *arenas,
		  struct heap_blocks *blocks, struct tm_err *err)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *paged = tm_mem_paged(mem, PAGES);
	struct py_census *census = py_census_create(paged, maps, runtime, arenas, blocks);
	TM_GUARD(typed_free) struct typed typed = {
		.outside = { take_word, take_claim, is_static },
		.census = census, .window = tm_malloc(WINDOW),
	};
	bool ok = find_all(&typed, err);

	*blocks = census->blocks;
	census->blocks = (struct heap_blocks){ 0 };
	heap_census_destroy(&census->base);
	return ok;
}
