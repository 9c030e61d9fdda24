#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "base/search.h"
#include "py/census_private.h"

enum { WINDOW = 1 << 20 };
/* Anonymous memory that is not a heap's is read up to here. */
#define MAX_ANONYMOUS ((uint64_t)1 << 30)

/* ---- words of static data and stacks ------------------------------------------------------ */

static const char *region_name(struct py_census *census, const struct tm_region *region,
			       const char **home, enum heap_root_kind *ret_kind)
{
	const char *slash = strrchr(region->path, '/');
	const char *name = slash ? slash + 1 : NULL;
	TM_GUARD(tm_free_ptr) char *text = NULL;

	*ret_kind = HEAP_ROOT_STATIC;
	if (strncmp(region->path, "[stack", 6) == 0) {
		*ret_kind = HEAP_ROOT_STACK;
		return "C stack";
	}
	if (name)
		*home = name;
	/* What follows an image without a name is its zeroed data. */
	if (!name && !*home)
		return "anonymous memory";
	text = tm_asprintf("static data of %s", name ? name : *home);
	return tm_arena_bytes(&census->base.strings, text, strlen(text));
}

static void name_stacks(struct py_census *census)
{
	census->stack_names = tm_calloc(census->nstacks + 1, sizeof(*census->stack_names));
	for (size_t i = 0; i < census->nstacks; i++) {
		TM_GUARD(tm_free_ptr) char *text =
			tm_asprintf("C stack of thread %d", (int)census->stacks[i].tid);

		census->stack_names[i] = tm_arena_bytes(&census->base.strings, text,
							strlen(text));
	}
}

/* Is it all of one arena? */
static bool is_arena(const struct py_census *census, tm_addr at, uint64_t len)
{
	for (size_t i = 0; i < census->arenas->n; i++) {
		const struct py_arena *arena = &census->arenas->items[i];

		if (at >= arena->address && at - arena->address < arena->size &&
		    len <= arena->size - (at - arena->address))
			return true;
	}
	return false;
}

/* What of a region is in none. */
static uint64_t outside_arenas(const struct py_census *census, const struct tm_region *region)
{
	uint64_t bytes = region->end - region->start;

	for (size_t i = 0; i < census->arenas->n; i++) {
		const struct py_arena *arena = &census->arenas->items[i];

		if (arena->address >= region->start && arena->address < region->end)
			bytes -= arena->size < bytes ? arena->size : bytes;
	}
	return bytes;
}

/* Not memory that an allocator holds and has not handed out. */
static bool is_heap(const struct py_census *census, tm_addr at)
{
	uint64_t off;

	return heap_blocks_covers(&census->blocks, at) ||
	       heap_blocks_find(&census->blocks, at, &off) || is_arena(census, at, 1);
}

/* The words from `from` on of those at `at`; 0: of no memory. */
static void scan_words(struct py_census *census, tm_addr at, const char *bytes, size_t from,
		       size_t len, enum heap_root_kind kind, const char *name)
{
	for (size_t i = from; i + 8 <= len; i += 8) {
		uint64_t value = tm_load_u64(bytes, i), off;
		uint32_t node = value & 7 ? 0 : py_resolve(census, value);

		/* A page of an allocator that is not walked has some blocks in it. */
		if (node && !heap_blocks_find(&census->blocks, at + i, &off))
			py_root(census, kind, name, NULL, node, PY_LEVEL_ROOT);
	}
}

/* What is in use of a stack is a root of its own, what is below it none; the rest is its
 * mapping's. */
static void scan_page(struct py_census *census, tm_addr at, const char *bytes, size_t len,
		      enum heap_root_kind kind, const char *name)
{
	const struct py_c_stack *stacks = census->stacks;
	size_t i = TM_LOWER_BOUND(census->nstacks, k, stacks[k].end <= at);
	size_t from = 0;

	if (i < census->nstacks && stacks[i].start < at + len) {
		if (stacks[i].start > at)
			from = (size_t)(stacks[i].start - at);
		kind = HEAP_ROOT_STACK;
		name = census->stack_names[i];
	} else if (i < census->nstacks && stacks[i].alone && kind == HEAP_ROOT_STACK) {
		return;
	}
	scan_words(census, at, bytes, from, len, kind, name);
}

static void scan_registers(struct py_census *census)
{
	for (size_t i = 0; i < census->nstacks; i++) {
		const struct py_c_stack *stack = &census->stacks[i];

		scan_words(census, 0, (const char *)stack->regs, 0, stack->nregs * 8,
			   HEAP_ROOT_STACK, census->stack_names[i]);
	}
}

static void scan_region(struct py_census *census, const struct tm_region *region,
			char *window, const char **home)
{
	enum heap_root_kind kind;
	const char *name = region_name(census, region, home, &kind);

	for (tm_addr at = region->start; at < region->end; at += WINDOW) {
		size_t len = region->end - at < WINDOW ? (size_t)(region->end - at) : WINDOW;

		if (is_arena(census, at, len))
			continue;
		len = tm_mem_read_some(census->mem, at, window, len);
		for (size_t page = 0; page < len; page += TM_PAGE)
			if (!is_heap(census, at + page) &&
			    (!census->outside ||
			     census->outside->is_static(census->outside, at + page)))
				scan_page(census, at + page, window + page,
					  len - page < TM_PAGE ? len - page : TM_PAGE,
					  kind, name);
	}
}

void py_words_of_roots(struct py_census *census)
{
	TM_GUARD(tm_free_ptr) char *window = tm_malloc(WINDOW);
	const struct tm_maps *maps = census->maps;
	uint64_t anonymous = 0;
	const char *home = NULL;

	for (size_t i = 0; i < maps->n; i++) {
		const struct tm_region *region = &maps->regions[i];

		if (i > 0 && region->start != region[-1].end)
			home = NULL;
		if (!region->readable || !region->writable || region->shared ||
		    (strcmp(region->path, "[heap]") == 0 && !census->blocks.nestimated))
			continue;
		if (region->inode == 0 && !home)
			anonymous += outside_arenas(census, region);
		if (anonymous < MAX_ANONYMOUS)
			scan_region(census, region, window, &home);
	}
}

static void add_immortal(struct py_census *census)
{
	const struct heap_census *base = &census->base;

	for (uint32_t i = 1; i < base->graph.nodes; i++)
		if (base->flags[i] & HEAP_IMMORTAL && heap_node_kind(base, i) == HEAP_OBJECT)
			py_root(census, HEAP_ROOT_IMMORTAL, "immortal objects", NULL, i,
				PY_LEVEL_SURE);
}

void py_roots_add(struct py_census *census)
{
	census->base.graph.row[0] = 0;
	py_named_roots(census);
	add_immortal(census);
	name_stacks(census);
	py_words_of_roots(census);
	scan_registers(census);
	free(census->stack_names);
	census->stack_names = NULL;
}
