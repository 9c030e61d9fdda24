#include "session/extents.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/order.h"

void tm_extents_add(struct tm_extents *extents, tm_addr start, tm_addr end)
{
	if (start >= end)
		return;
	extents->items = tm_grow(extents->items, &extents->cap, extents->n + 1,
				 sizeof(*extents->items));
	extents->items[extents->n++] = (struct tm_extent){ start, end };
}

void tm_extents_free(struct tm_extents *extents)
{
	free(extents->items);
	*extents = (struct tm_extents){ 0 };
}

static int by_start(const void *left, const void *right)
{
	const struct tm_extent *a = left, *b = right;

	return tm_order_u64(a->start, b->start);
}

void tm_extents_sort(struct tm_extents *extents)
{
	if (extents->n)
		qsort(extents->items, extents->n, sizeof(*extents->items), by_start);
}
