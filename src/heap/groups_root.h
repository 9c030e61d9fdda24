/* Groups by the root that dominates, and what roots are called. */
#ifndef TM_HEAP_GROUPS_ROOT_H
#define TM_HEAP_GROUPS_ROOT_H

#include "heap/grouping.h"

/* Groups of roots: g->top. */
bool heap_group_roots(struct grouping *g, struct tm_err *err) TM_MUST_CHECK;

/* "module shop", "thread 4711: handle().rows", "static data of _ctypes.so". */
void heap_root_name(const struct heap_census *census, uint32_t root,
		    struct tm_buf *ret);

#endif
