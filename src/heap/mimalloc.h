/*
 * What the mimalloc in a free-threaded CPython holds: the pages of all its threads, and
 * those that ended threads have left, block by block.
 *
 * It has no symbols. A segment is 32 MiB or more, aligned to that, and begins with
 * figures about itself: its length in slices of 64 KiB, a page for each run of them, and
 * its address under a mask that is the same for all segments of a process.
 */
#ifndef TM_HEAP_MIMALLOC_H
#define TM_HEAP_MIMALLOC_H

#include "heap/blocks.h"
#include "heap/glibc.h"
#include "target/maps.h"

struct heap_segment {
	tm_addr at;
	uint64_t size;
	bool used;                     /* false: mimalloc has reserved the memory */
};

struct heap_mimalloc {
	struct heap_segment *segments; /* ascending */
	size_t n, cap;
};

void heap_mimalloc_free(struct heap_mimalloc *heap); /* works as a guard */

/*
 * Add the blocks in use, before any chunks, in memory that does not change: as many as
 * every page has counted, and as many pages as every segment and every heap.
 * HEAP_CONTRADICTS: they are not, a thread is in the middle of a change. Those of a page
 * have the tag of its heap. No segments: it is another allocator, or shape. With `heads`
 * (or NULL) pages of blocks that are too small for them are passed over.
 */
enum heap_result heap_mimalloc_read(struct tm_mem *mem, const struct tm_maps *maps,
				    const struct heap_heads *heads,
				    struct heap_mimalloc *ret, struct heap_blocks *blocks);

#endif
