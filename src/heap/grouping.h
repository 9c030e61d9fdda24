/* Groups on their way. Private to groups*.c. */
#ifndef TM_HEAP_GROUPING_H
#define TM_HEAP_GROUPING_H

#include "base/intern.h"
#include "heap/groups_line.h"
#include "heap/heap.h"

struct grouping {
	struct tm_heap *heap;
	const struct tm_heap_query *query;
	struct tm_intern names;       /* ids are those of the groups */
	struct tm_heap_group *groups;
	size_t cap;
	uint32_t *by_type;            /* the group of a type, or HEAP_NONE */
	struct heap_line_groups lines; /* of query->line */
	uint32_t *top;                /* by node: the root's child that dominates it;
					 NULL: not the key */
};

/* The number of the group with this name, which may be new. */
uint32_t heap_group_named(struct grouping *g, const struct tm_buf *name);
#endif
