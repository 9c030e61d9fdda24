/* What grouping and the search for holders share. */
#ifndef TM_HEAP_GROUPS_H
#define TM_HEAP_GROUPS_H

#include "base/guard.h"
#include "heap/census.h"
#include "heap/ask.h"

/* Do the query's patterns let objects of this type through? */
bool heap_type_passes(const struct heap_census *census, uint32_t type,
		      const struct tm_heap_query *query);

/* For qsort() of struct tm_heap_group: as StatisticDiff and Statistic sort. */
int heap_by_difference(const void *a, const void *b);

#endif
