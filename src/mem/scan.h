/*
 * Searching memory: in pieces that stay in the cache and need no fresh pages.
 */
#ifndef TM_MEM_SCAN_H
#define TM_MEM_SCAN_H

#include "base/range.h"
#include "mem/mem.h"

/* Where these bytes begin in the range, ascending: up to `max` places. Returns
 * how many. A range ends for it where it cannot be read. */
size_t tm_mem_scan(struct tm_mem *mem, struct tm_range range, const void *bytes,
		   size_t len, tm_addr *ret, size_t max);

/* The first of them in the first `limit` bytes of the range; 0: there is none. */
tm_addr tm_mem_find(struct tm_mem *mem, struct tm_range range, uint64_t limit,
		    const void *bytes, size_t len);

/* Whether all of it can be read and is zero. */
bool tm_mem_is_blank(struct tm_mem *mem, struct tm_range range);

#endif
