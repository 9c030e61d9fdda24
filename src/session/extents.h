/* A list of pieces of an address space. Private to src/session. */
#ifndef TM_SESSION_EXTENTS_H
#define TM_SESSION_EXTENTS_H

#include <stddef.h>

#include "mem/mem.h"

struct tm_extent {
	tm_addr start, end;
};

/* Grown by adding, in any order; a zeroed one is empty. */
struct tm_extents {
	struct tm_extent *items;
	size_t n, cap;
};

void tm_extents_add(struct tm_extents *extents, tm_addr start, tm_addr end);
void tm_extents_free(struct tm_extents *extents); /* works as a guard */
void tm_extents_sort(struct tm_extents *extents);

#endif
