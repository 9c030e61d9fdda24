#include "py/collector.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "base/search.h"
#include "py/interpreters.h"
#include "py/tracked.h"

enum {
	/* PyGC_Head. What its lowest bits say differs from version to version. */
	NEXT = 0, PREV = 8, REFS_3_7 = 16, HEAD_3_7 = 32,
	UNTRACKED_3_7 = -2,
	MAX_HEAD = 64,               /* before an object's GC head, at most */
	MAX_HEADS = 0xffff,          /* from PY_FIRST_HEAD on */
};

static tm_addr link_of(const char *head, size_t off)
{
	return tm_load_u64(head, off) & ~(uint64_t)PY_GC_LINK_BITS;
}

/* ---- where they begin --------------------------------------------------------------- */

static bool take_heads(void *ctx, tm_addr state, const tm_addr *heads, unsigned n,
		       struct tm_err *err)
{
	struct py_census *census = ctx;

	(void)state, (void)err;
	census->heads = tm_grow(census->heads, &census->cap_heads, census->nheads + n + 1,
				sizeof(*census->heads));
	for (unsigned i = 0; i < n; i++)
		census->heads[census->nheads++] = heads[i];
	return true;
}

static int compare_heads(const void *left, const void *right)
{
	const tm_addr *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

bool py_collector_begin(struct py_census *census, struct tm_err *err)
{
	TM_GUARD(py_interpreters_free) struct py_interpreters list = { 0 };
	struct py_stack_fields fields;

	if (!py_stack_fields_read(census->mem, &census->runtime, &fields, err) ||
	    !py_interpreters_read(census->mem, &census->runtime, &fields, &list, err))
		return false;
	census->ninterpreters = list.n;
	/* A free-threaded build has no lists: its heaps are gone through (classify.c). */
	if (census->front)
		return true;
	if (!py_gc_heads_each(census->mem, &census->runtime, &list, take_heads, census, err))
		return false;
	if (census->nheads >= 3 && census->nheads <= MAX_HEADS) {
		qsort(census->heads, census->nheads, sizeof(*census->heads),
		      compare_heads);
		return true;
	}
	tm_err_set(err, TM_ERR_BUSY, census->runtime.name,
		   "the lists of its garbage collector were being changed");
	return tm_err_hint(err, "try again");
}

/* ---- from object to object ---------------------------------------------------------- */

static uint32_t resolve(const struct py_census *census, tm_addr at)
{
	uint64_t off;
	uint32_t node = heap_blocks_find(&census->blocks, at, &off);
	size_t i;

	if (node && off <= MAX_HEAD)
		return node;
	/* The state of an interpreter may be a block itself. */
	i = TM_LOWER_BOUND(census->nheads, k, census->heads[k] < at);
	return i < census->nheads && census->heads[i] == at ? PY_FIRST_HEAD + (uint32_t)i : 0;
}

static bool is_tracked(const struct py_census *census, const char *head)
{
	if (census->gc_head == HEAD_3_7)
		return (int64_t)tm_load_u64(head, REFS_3_7) >> 1 != UNTRACKED_3_7;
	return tm_load_u64(head, NEXT) != 0;
}

bool py_collector_links(const struct py_census *census, const char *head, uint32_t *ret_next,
			uint32_t *ret_prev, bool *ret_tracked)
{
	*ret_tracked = is_tracked(census, head);
	*ret_next = *ret_prev = 0;
	if (!*ret_tracked)
		return true;
	*ret_next = resolve(census, link_of(head, NEXT));
	*ret_prev = resolve(census, link_of(head, PREV));
	return *ret_next && *ret_prev;
}

/* ---- the proof ------------------------------------------------------------------------ */

struct ends {
	uint32_t *first, *last; /* by list */
};

static void ends_free(struct ends *ends)
{
	free(ends->first);
	free(ends->last);
}

static void read_ends(const struct py_census *census, struct ends *ret)
{
	ret->first = tm_calloc(census->nheads, sizeof(*ret->first));
	ret->last = tm_calloc(census->nheads, sizeof(*ret->last));
	for (size_t i = 0; i < census->nheads; i++) {
		char pair[16] = { 0 };
		struct tm_err ignored;

		if (!tm_mem_read(census->mem, census->heads[i], pair, sizeof(pair), &ignored))
			continue;
		ret->first[i] = resolve(census, link_of(pair, NEXT));
		ret->last[i] = resolve(census, link_of(pair, PREV));
	}
}

/* Does what follows `node`, a node or the end of a list, lead back to it? */
static bool agrees(const struct py_census *census, uint32_t node, uint32_t other,
		   const uint32_t *back, const uint32_t *ends)
{
	if (other >= PY_FIRST_HEAD)
		return ends[other - PY_FIRST_HEAD] == node;
	return back[other] == node && census->base.flags[other] & HEAP_TRACKED;
}

static uint64_t list_length(const struct py_census *census, uint32_t first)
{
	uint64_t n = first == 0; /* its first object was not found */

	for (uint32_t at = first; at && at < PY_FIRST_HEAD; at = census->next[at])
		if (n++ > census->blocks.n)
			return UINT64_MAX / 64;
	return n;
}

void py_collector_prove(struct py_census *census)
{
	struct heap_census *base = &census->base;
	TM_GUARD(ends_free) struct ends ends = { 0 };

	read_ends(census, &ends);
	for (uint32_t i = 1; i < census->blocks.n; i++) {
		if (!(base->flags[i] & HEAP_TRACKED))
			continue;
		if (census->front)
			base->proof.tracked++;
		else if (agrees(census, i, census->next[i], census->prev, ends.last) &&
		    agrees(census, i, census->prev[i], census->next, ends.first))
			base->proof.tracked++;
		else
			base->flags[i] &= PY_HEADS;
	}
	for (size_t i = 0; i < census->nheads; i++)
		base->proof.listed += list_length(census, ends.first[i]);
}
