/* Half-open ranges of addresses; arithmetic on sizes read from a target that
 * does not wrap. */
#ifndef TM_BASE_RANGE_H
#define TM_BASE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

struct tm_range {
	uint64_t start;
	uint64_t end; /* the first address after it */
};

static inline bool tm_range_has(struct tm_range range, uint64_t at)
{
	return at >= range.start && at < range.end;
}

#endif
