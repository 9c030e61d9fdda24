/*
 * Memory that does not change (a copy, a stopped process, a core; or for a search
 * whose result is proved afterwards, any), read page by page and kept for the next
 * read: for following pointers through objects that lie close together.
 */
#ifndef TM_MEM_PAGED_H
#define TM_MEM_PAGED_H

#include "mem/mem.h"

/* Keeps at most `npages` pages. `mem` is borrowed and must outlive it; destroyed by
 * tm_mem_destroy(). */
struct tm_mem *tm_mem_paged(struct tm_mem *mem, size_t npages);

#endif
