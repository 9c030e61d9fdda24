#include "mem/scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"

enum { PIECE = 1 << 16 };

static size_t piece_at(struct tm_range range, tm_addr at)
{
	return range.end - at < PIECE ? (size_t)(range.end - at) : PIECE;
}

/* An overlap of one byte less than is looked for finds each hit once. */
size_t tm_mem_scan(struct tm_mem *mem, struct tm_range range, const void *bytes,
		   size_t len, tm_addr *ret, size_t max)
{
	TM_GUARD(tm_free_ptr) char *piece = tm_malloc(PIECE);
	size_t n = 0;

	for (tm_addr at = range.start; at < range.end && n < max; at += PIECE - (len - 1)) {
		size_t want = piece_at(range, at);
		size_t got = tm_mem_read_some(mem, at, piece, want);
		const char *hit = piece;

		while (n < max &&
		       (hit = memmem(hit, got - (size_t)(hit - piece), bytes, len)))
			ret[n++] = at + (tm_addr)(hit++ - piece);
		if (got < want || range.end - at <= PIECE)
			break;
	}
	return n;
}

tm_addr tm_mem_find(struct tm_mem *mem, struct tm_range range, uint64_t limit,
		    const void *bytes, size_t len)
{
	tm_addr at = 0;

	if (range.end - range.start > limit)
		range.end = range.start + limit;
	return tm_mem_scan(mem, range, bytes, len, &at, 1) ? at : 0;
}

bool tm_mem_is_blank(struct tm_mem *mem, struct tm_range range)
{
	TM_GUARD(tm_free_ptr) char *piece = tm_malloc(PIECE);

	for (tm_addr at = range.start; at < range.end; at += PIECE) {
		size_t want = piece_at(range, at);

		if (tm_mem_read_some(mem, at, piece, want) != want || piece[0] ||
		    memcmp(piece, piece + 1, want - 1) != 0)
			return false;
	}
	return true;
}
