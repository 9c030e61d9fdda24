/* Groups by type and allocation line. Private to groups.c and groups_since.c. */
#ifndef TM_HEAP_GROUPS_LINE_H
#define TM_HEAP_GROUPS_LINE_H

#include "base/map.h"
#include "heap/allocated.h"
#include "heap/ask.h"

struct heap_line_groups {
	struct tm_map groups; /* group of the type << 32 | line + 1 */
};

/* The group of an object, or of the owner of a buffer. */
uint32_t heap_line_group(const struct heap_line_groups *lines,
			 const struct heap_census *census, uint32_t type_group, uint32_t node);
/* The same, to be set where it is TM_MAP_NONE. */
uint32_t *heap_line_group_put(struct heap_line_groups *lines,
			      const struct heap_census *census, uint32_t type_group,
			      uint32_t node);

/* What such a group is interned as: type, NUL, lineno, ":", filename. */
void heap_line_group_name(const char *type, const struct heap_line *line,
			  struct tm_buf *ret);
void heap_line_group_split(const char *name, size_t len, struct tm_heap_group *ret);

#endif
