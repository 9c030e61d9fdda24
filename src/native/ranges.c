#include "native/ranges.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/search.h"

struct sweep {
	struct native_range *open; /* the ranges around, outermost first */
	size_t depth;
	struct native_ranges *out;
	size_t cap;
};

static int compare(const void *left, const void *right)
{
	const struct native_range *a = left, *b = right;

	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	if (a->hi != b->hi)
		return a->hi > b->hi ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static void edge(struct sweep *sweep, uint64_t at, uint32_t id)
{
	struct native_ranges *out = sweep->out;

	if (out->n > 0 && out->edges[out->n - 1].at == at)
		out->n--;
	out->edges = tm_grow(out->edges, &sweep->cap, out->n + 1,
			     sizeof(*out->edges));
	out->edges[out->n++] = (struct native_edge){ at, id };
}

/* Leave every range that ends at or before `limit`. */
static void leave(struct sweep *sweep, uint64_t limit)
{
	while (sweep->depth > 0 && sweep->open[sweep->depth - 1].hi <= limit) {
		uint64_t at = sweep->open[--sweep->depth].hi;

		/* Ranges that overlap without nesting may have ended below. */
		while (sweep->depth > 0 &&
		       sweep->open[sweep->depth - 1].hi <= at)
			sweep->depth--;
		edge(sweep, at, sweep->depth > 0
			? sweep->open[sweep->depth - 1].id : NATIVE_NONE);
	}
}

void native_ranges_build(struct native_range *ranges, size_t n,
			 struct native_ranges *ret)
{
	struct sweep sweep = { .out = ret };

	*ret = (struct native_ranges){ 0 };
	if (n == 0)
		return;
	sweep.open = tm_reallocarray(NULL, n, sizeof(*sweep.open));
	qsort(ranges, n, sizeof(*ranges), compare);
	for (size_t i = 0; i < n; i++) {
		if (ranges[i].lo >= ranges[i].hi)
			continue;
		leave(&sweep, ranges[i].lo);
		edge(&sweep, ranges[i].lo, ranges[i].id);
		sweep.open[sweep.depth++] = ranges[i];
	}
	leave(&sweep, UINT64_MAX);
	free(sweep.open);
}

void native_ranges_free(struct native_ranges *ranges)
{
	free(ranges->edges);
	*ranges = (struct native_ranges){ 0 };
}

uint32_t native_ranges_find(const struct native_ranges *ranges, uint64_t at)
{
	size_t lo = TM_LOWER_BOUND(ranges->n, i, ranges->edges[i].at <= at);

	return lo > 0 ? ranges->edges[lo - 1].id : NATIVE_NONE;
}
