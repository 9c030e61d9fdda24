/* Groups over a series of snapshots, what grows steadily first. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/order.h"
#include "model/group.h"
#include "model/sort.h"

/* What decides the place of an item; `at` is its place in tracemalloc's order. */
struct entry {
	struct tm_growth growth;
	uint64_t repeated; /* what lasts, but for the largest step */
	size_t at, row;
};

/* The smallest size from each snapshot on. */
static void find_floors(uint64_t *floors, const struct tm_share *sizes, size_t n)
{
	floors[n - 1] = sizes[n - 1].size;
	for (size_t i = n - 1; i-- > 0;)
		floors[i] = sizes[i].size < floors[i + 1] ? sizes[i].size : floors[i + 1];
}

static void measure(struct entry *ret, uint64_t *floors, const struct tm_share *sizes,
		    size_t n)
{
	uint64_t top = sizes[0].size, largest = 0;

	find_floors(floors, sizes, n);
	for (size_t i = 1; i < n; i++) {
		uint64_t size = sizes[i].size, before = sizes[i - 1].size;
		uint64_t rise = size > top ? size - top : 0;
		uint64_t lasts = floors[i] - floors[i - 1];

		lasts = rise < lasts ? rise : lasts;
		largest = lasts > largest ? lasts : largest;
		top += rise;
		ret->growth.lasting += lasts;
		ret->growth.grew += size > before;
		ret->growth.shrank += size < before;
	}
	ret->repeated = ret->growth.lasting - largest;
}

static int by_growth(const void *a, const void *b)
{
	const struct entry *ea = a, *eb = b;
	int order = tm_order_u64(eb->repeated, ea->repeated);

	if (!order)
		order = tm_order_u64(eb->growth.lasting, ea->growth.lasting);
	return order ? order : tm_order_u64(ea->at, eb->at);
}

/* Statistics of the merged snapshot become differences of the last to the first. */
static void compare_ends(struct tm_trend *trend)
{
	struct tm_stats *stats = trend->stats;

	stats->is_diff = true;
	for (size_t i = 0; i < stats->n; i++) {
		const struct tm_share *first = &trend->shares[i * trend->n];
		const struct tm_share *last = first + trend->n - 1;

		stats->items[i].size = last->size;
		stats->items[i].count = last->count;
		stats->items[i].size_diff = (int64_t)(last->size - first->size);
		stats->items[i].count_diff = (int64_t)(last->count - first->count);
	}
}

static tm_id *rows_of_groups(const struct tm_trend *trend)
{
	const struct tm_stats *stats = trend->stats;
	size_t n = group_ids(trend->merged, stats->query.key);
	tm_id *rows = tm_reallocarray(NULL, n + 1, sizeof(*rows));

	for (size_t i = 0; i < stats->n; i++)
		rows[stats->items[i].group] = (tm_id)i;
	return rows;
}

static struct entry *measure_all(const struct tm_trend *trend, const tm_id *rows)
{
	const struct tm_stats *stats = trend->stats;
	TM_GUARD(tm_free_ptr) uint64_t *floors =
		tm_reallocarray(NULL, trend->n, sizeof(*floors));
	struct entry *entries = tm_calloc(stats->n + 1, sizeof(*entries));

	for (size_t i = 0; i < stats->n; i++) {
		entries[i].at = i;
		entries[i].row = rows[stats->items[i].group];
		measure(&entries[i], floors, &trend->shares[entries[i].row * trend->n],
			trend->n);
	}
	return entries;
}

/* Items and shares in the order of the entries. */
static void arrange(struct tm_trend *trend, const struct entry *entries)
{
	size_t n = trend->stats->n;
	struct tm_stat *items = tm_reallocarray(NULL, n + 1, sizeof(*items));
	struct tm_share *shares = tm_reallocarray(NULL, n * trend->n + 1, sizeof(*shares));

	trend->growth = tm_reallocarray(NULL, n + 1, sizeof(*trend->growth));
	for (size_t i = 0; i < n; i++) {
		items[i] = trend->stats->items[entries[i].at];
		trend->growth[i] = entries[i].growth;
		for (size_t k = 0; k < trend->n; k++)
			shares[i * trend->n + k] =
				trend->shares[entries[i].row * trend->n + k];
	}
	free(trend->stats->items);
	free(trend->shares);
	trend->stats->items = items;
	trend->shares = shares;
}

static void sort(struct tm_trend *trend)
{
	TM_GUARD(tm_free_ptr) tm_id *rows = rows_of_groups(trend);
	TM_GUARD(tm_free_ptr) struct entry *entries = NULL;

	sort_stats(trend->stats->items, trend->stats->n);
	entries = measure_all(trend, rows);
	qsort(entries, trend->stats->n, sizeof(*entries), by_growth);
	arrange(trend, entries);
}

static bool collect(struct tm_trend *trend, const struct tm_snapshot *const *series,
		    const struct tm_query *query, struct tm_err *err)
{
	struct tm_share last;

	trend->merged = tm_snapshot_merge(series, trend->n, err);
	if (!trend->merged)
		return false;
	trend->stats = stats_unsorted(trend->merged, query, err);
	if (!trend->stats)
		return false;
	trend->shares = stats_shares(trend->stats, trend->stats->n, series, trend->n, query,
				     &last);
	trend->stats->total_size = last.size;
	trend->stats->total_count = last.count;
	return true;
}

struct tm_trend *tm_snapshot_trend(const struct tm_snapshot *const *series, size_t n,
				   const struct tm_query *query, struct tm_err *err)
{
	struct tm_trend *trend = tm_calloc(1, sizeof(*trend));

	trend->n = n;
	if (!collect(trend, series, query, err)) {
		tm_trend_destroy(trend);
		return NULL;
	}
	compare_ends(trend);
	sort(trend);
	return trend;
}

void tm_trend_destroy(struct tm_trend *trend)
{
	if (!trend)
		return;
	tm_stats_destroy(trend->stats);
	tm_snapshot_destroy(trend->merged);
	free(trend->growth);
	free(trend->shares);
	free(trend);
}
