#include "model/sort.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/order.h"
#include "model/frame.h"
#include "model/function.h"
#include "model/radix.h"
#include "model/rank.h"

struct order {
	const struct tm_stat *items;
	struct ranks ranks[2]; /* computed when a tie asks for them */
};

/* ---- sizes and counts ------------------------------------------------------- */

static uint64_t magnitude(int64_t n)
{
	return n < 0 ? -(uint64_t)n : (uint64_t)n;
}

/* What statistics are sorted by before their groups, the first key first. */
enum { NKEYS = 4 };

static uint64_t key_of(const struct tm_stat *stat, int i)
{
	const uint64_t keys[NKEYS] = {
		magnitude(stat->size_diff), stat->size,
		magnitude(stat->count_diff), stat->count,
	};

	return keys[i];
}

static const struct tm_stat *item_of(const struct order *order,
				     const struct radix_entry *entry)
{
	return &order->items[entry->item];
}

/* ---- groups -------------------------------------------------------------------- */

/* A function's file, then its name; one that is unknown comes last. */
static uint32_t rank_of_function(const struct ranks *ranks, tm_id frame, uint32_t i)
{
	const struct tm_snapshot *s = ranks->snapshot;
	struct function function = function_of(tables_of(s), &s->frames[frame]);

	if (i == 0)
		return ranks->names[function.filename];
	return i == 1 && function.name != TM_ID_NONE ? ranks->names[function.name] : 0;
}

/*
 * The rank of frame i of a statistic's traceback, 0 past its end: tuples
 * of (filename, lineno) compare as these rows of numbers do.
 */
static uint32_t rank_at(const struct order *order, const struct tm_stat *stat,
			uint32_t i)
{
	const struct tm_snapshot *s = stat->snapshot;
	const struct ranks *ranks =
		&order->ranks[order->ranks[0].snapshot != s];

	switch (stat->key) {
	case TM_KEY_FILENAME: case TM_KEY_THREAD:
		return i ? 0 : ranks->names[stat->group];
	case TM_KEY_LINENO:
		return i ? 0 : ranks->frames[stat->group];
	case TM_KEY_FUNCTION:
		return rank_of_function(ranks, stat->group, i);
	case TM_KEY_TRACEBACK:
		break;
	}
	return i < s->tracebacks[stat->group].nframe ?
	       ranks->frames[traceback_frames(s, stat->group)[i]] : 0;
}

/* For qsort_r: entries that are equal but for their groups, best first. */
static int by_group(const void *a, const void *b, void *ctx)
{
	const struct order *order = ctx;
	const struct tm_stat *x = item_of(order, a), *y = item_of(order, b);
	uint32_t rank_x, rank_y;
	uint32_t i = 0;

	do {
		rank_x = rank_at(order, x, i);
		rank_y = rank_at(order, y, i++);
	} while (rank_x == rank_y && rank_x);
	return tm_order_u64(rank_y, rank_x);
}

static uint64_t ranks_at(const struct order *order, const struct tm_stat *stat,
			 uint32_t i)
{
	return (uint64_t)rank_at(order, stat, i) << 32 |
	       rank_at(order, stat, i + 1);
}

/*
 * Two frames at a time, so that among millions of tracebacks each is looked
 * at a few times and not in every comparison. `first` frames are equal in all
 * entries.
 */
static void sort_groups(struct order *order, struct radix_entry *entries,
			size_t n, uint32_t first)
{
	enum { FEW = 48, DEEPEST = 256 };

	if (n < FEW || first > DEEPEST) {
		qsort_r(entries, n, sizeof(*entries), by_group, order);
		return;
	}
	for (size_t i = 0; i < n; i++)
		entries[i].key = ranks_at(order, item_of(order, &entries[i]),
					  first);
	radix_sort(entries, n);
	for (size_t i = 0, end; i < n; i = end) {
		end = i + 1;
		while (end < n && entries[end].key == entries[i].key)
			end++;
		if (end > i + 1)
			sort_groups(order, &entries[i], end - i, first + 2);
	}
}

/* ---- both ----------------------------------------------------------------------- */

static void sort_counts(struct order *order, struct radix_entry *entries,
			size_t n)
{
	/* The last key first: equal entries stay in the order they have. A
	 * plain statistic has no differences: they are 0 and cost one look. */
	for (int key = NKEYS - 1; key >= 0; key--) {
		for (size_t i = 0; i < n; i++)
			entries[i].key =
				key_of(item_of(order, &entries[i]), key);
		radix_sort(entries, n);
	}
}

/* The end of the run of entries that differ from the first in group only. */
static size_t run_end(const struct order *order,
		      const struct radix_entry *entries, size_t first, size_t n)
{
	const struct tm_stat *a = item_of(order, &entries[first]);
	size_t end = first + 1;

	for (; end < n; end++) {
		const struct tm_stat *b = item_of(order, &entries[end]);

		for (int key = 0; key < NKEYS; key++)
			if (key_of(a, key) != key_of(b, key))
				return end;
	}
	return end;
}

static void sort_ties(struct order *order, struct radix_entry *entries,
		      size_t n)
{
	for (size_t first = 0, end; first < n; first = end) {
		end = run_end(order, entries, first, n);
		if (end == first + 1)
			continue;
		if (!order->ranks[0].names)
			ranks_compute(order->ranks);
		sort_groups(order, &entries[first], end - first, 0);
	}
}

static void find_snapshots(struct order *order, size_t n)
{
	order->ranks[0].snapshot = order->items[0].snapshot;
	for (size_t i = 1; i < n; i++) {
		if (order->items[i].snapshot != order->ranks[0].snapshot) {
			order->ranks[1].snapshot = order->items[i].snapshot;
			return;
		}
	}
}

void sort_stats(struct tm_stat *items, size_t n)
{
	struct order order = { .items = items };
	struct radix_entry *entries;
	struct tm_stat *sorted;

	if (n < 2)
		return;
	entries = tm_reallocarray(NULL, n, sizeof(*entries));
	find_snapshots(&order, n);
	for (size_t i = 0; i < n; i++)
		entries[i].item = i;
	sort_counts(&order, entries, n);
	sort_ties(&order, entries, n);
	sorted = tm_reallocarray(NULL, n, sizeof(*sorted));
	for (size_t i = 0; i < n; i++)
		sorted[i] = items[entries[i].item];
	memcpy(items, sorted, n * sizeof(*items));
	free(sorted);
	free(entries);
	ranks_free(order.ranks);
}
