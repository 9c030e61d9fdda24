/*
 * Where the objects of a census were allocated, as far as something has traced it. The
 * census has a place for it: heap_census_need_allocated().
 */
#ifndef TM_HEAP_ALLOCATED_H
#define TM_HEAP_ALLOCATED_H

#include "heap/census.h"

/* A line more: its number. */
uint32_t heap_allocated_line(struct heap_census *census, const char *filename,
			     uint32_t lineno);
/* The block at this address was allocated there. */
void heap_allocated_add(struct heap_census *census, uint64_t block, uint32_t line);

/* Of an object, or of the owner of a buffer. NULL: it is not known. */
const struct heap_line *heap_allocated_at(const struct heap_census *census, uint32_t node);

#endif
