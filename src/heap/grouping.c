#include "heap/grouping.h"

#include <string.h>

#include "base/alloc.h"

uint32_t heap_group_named(struct grouping *g, const struct tm_buf *name)
{
	uint32_t id = tm_intern(&g->names, name->data, name->len);

	if (id >= g->cap) {
		size_t before = g->cap;

		g->groups = tm_grow(g->groups, &g->cap, id + 1u, sizeof(*g->groups));
		memset(g->groups + before, 0, (g->cap - before) * sizeof(*g->groups));
	}
	return id;
}
