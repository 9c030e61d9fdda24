/* tracemalloc's sort order, best first. */
#ifndef TM_MODEL_SORT_H
#define TM_MODEL_SORT_H

#include "tmattach/stats.h"

/*
 * Sort statistics, all of one key, by (|size_diff|, size, |count_diff|, count,
 * traceback); without differences, which are 0 then, that is tracemalloc's
 * (size, count, traceback). They may belong to two snapshots.
 */
void sort_stats(struct tm_stat *items, size_t n);

#endif
