/* tracemalloc's sort order, best first. */
#ifndef TM_MODEL_SORT_H
#define TM_MODEL_SORT_H

#include "tmattach/model.h"

/*
 * Sort statistics, all of one key, by (size, count, traceback) or, for
 * differences, by (|size_diff|, size, |count_diff|, count, traceback). They
 * may belong to two snapshots.
 */
void sort_stats(struct tm_stat *items, size_t n, bool diff);

#endif
