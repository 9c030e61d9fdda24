/*
 * The stacks of threads, also of those that have ended and wait to be joined. Each ends
 * with what the C library knows of its thread: a structure that points to itself and says
 * where its stack is (glibc: struct pthread, header.self, stackblock, stackblock_size;
 * musl: self, map_base, map_size). Private to src/session.
 */
#ifndef TM_SESSION_STACKS_FIND_H
#define TM_SESSION_STACKS_FIND_H

#include "session/look.h"
#include "session/extents.h"
#include "target/pages.h"

/* Add those that are found by reading a bounded number of pages. `heaps` is not
 * searched: sorted or not. */
void tm_stacks_find(const struct tm_instant *instant, const struct tm_maps *maps,
		    const struct tm_extents *heaps, struct tm_pages *pages,
		    struct tm_extents *ret);

#endif
