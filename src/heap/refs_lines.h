/* Where the objects at the ends of paths were allocated. Private to refs.c. */
#ifndef TM_HEAP_REFS_LINES_H
#define TM_HEAP_REFS_LINES_H

#include "base/map.h"
#include "heap/allocated.h"
#include "heap/ask.h"

struct heap_ref_line {
	const struct heap_line *line;
	uint64_t count;
	uint32_t next;               /* of the same pattern; TM_MAP_NONE: there is none */
};

/* Zeroed is empty. */
struct heap_ref_lines {
	struct tm_map numbers;       /* pattern << 32 | number of the line -> items */
	struct tm_map first;         /* pattern -> items */
	struct heap_ref_line *items;
	size_t n, cap;
};

/* An object more at the end of this pattern. */
void heap_ref_lines_count(struct heap_ref_lines *lines, const struct heap_census *census,
			  uint32_t pattern, uint32_t node);
/* Those of a pattern, into its path. */
void heap_ref_lines_take(const struct heap_ref_lines *lines, uint32_t pattern,
			 struct tm_heap_path *path);
void heap_ref_lines_free(struct heap_ref_lines *lines);

#endif
