/* Sorting groups by a column, ties in tracemalloc's order. */
#ifndef TUI_ORDER_H
#define TUI_ORDER_H

#include <stdbool.h>

#include "tmattach/stats.h"

enum sort {
	SORT_SIZE,
	SORT_COUNT,
	SORT_AVERAGE,
	SORT_AGE, /* of the oldest block */
	SORT_SIZE_DIFF,
	SORT_COUNT_DIFF,
	SORT_LOCATION,
};

/*
 * Indexes of the groups, row by row; NULL: all, in their order. Without `diff`,
 * groups with no blocks left are omitted. `compared`: the statistics come from
 * a comparison. `ages` of all groups, or NULL.
 */
uint32_t *order_rows(const struct tm_stats *stats, const struct tm_ages *ages,
		     enum sort sort, bool diff, bool compared, size_t *ret_n);

/* Two groups by where they are, as shown: newest frame first. */
int order_by_location(const struct tm_stat *a, const struct tm_stat *b);

#endif
