#include "heap/allocated.h"

#include <string.h>

#include "base/alloc.h"

uint32_t heap_allocated_line(struct heap_census *census, const char *filename,
			     uint32_t lineno)
{
	struct heap_allocated *allocated = census->allocated;

	allocated->lines = tm_grow(allocated->lines, &allocated->cap, allocated->n + 1,
				   sizeof(*allocated->lines));
	allocated->lines[allocated->n] = (struct heap_line){
		tm_arena_bytes(&census->strings, filename, strlen(filename)), lineno,
	};
	return (uint32_t)allocated->n++;
}

void heap_allocated_add(struct heap_census *census, uint64_t block, uint32_t line)
{
	uint32_t node = census->ops->find(census, block);

	if (node)
		census->allocated->line_of[node] = line + 1;
}

const struct heap_line *heap_allocated_at(const struct heap_census *census, uint32_t node)
{
	uint32_t owner = heap_census_owner(census, node), line;

	if (!census->allocated || !owner)
		return NULL;
	line = census->allocated->line_of[owner];
	return line ? &census->allocated->lines[line - 1] : NULL;
}
