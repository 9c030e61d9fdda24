#include "order.h"

#include <stdlib.h>

#include "base/alloc.h"

struct sort_key {
	double value;   /* larger comes first */
	uint32_t index; /* into the statistics; smaller wins a tie */
};

static int compare_keys(const void *a, const void *b)
{
	const struct sort_key *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? 1 : -1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static double oldest(const struct tm_ages *ages)
{
	return ages && ages->oldest != TM_AGE_NONE ? (double)ages->oldest : -1;
}

static double value_of(const struct tm_stat *stat, const struct tm_ages *ages,
		       enum sort sort)
{
	switch (sort) {
	case SORT_SIZE:
		return (double)stat->size;
	case SORT_COUNT:
		return (double)stat->count;
	case SORT_AVERAGE:
		return stat->count ? (double)stat->size / (double)stat->count : 0;
	case SORT_AGE:
		return oldest(ages);
	case SORT_SIZE_DIFF:
		return (double)stat->size_diff;
	case SORT_COUNT_DIFF:
		return (double)stat->count_diff;
	case SORT_LOCATION:
		break;
	}
	return 0;
}

static int compare_frames(const struct tm_frame_view *x,
			  const struct tm_frame_view *y)
{
	int order = tm_text_compare(x->filename, y->filename);

	if (order == 0)
		order = (x->lineno > y->lineno) - (x->lineno < y->lineno);
	return order;
}

/* As tuples compare, from the newest frame on or from the oldest. */
static inline int compare_stats(const struct tm_stat *a,
				const struct tm_stat *b, bool newest_first)
{
	uint32_t na = tm_stat_nframe(a), nb = tm_stat_nframe(b);
	int order = 0;

	for (uint32_t i = 0; order == 0 && i < na && i < nb; i++) {
		struct tm_frame_view x, y;

		x = tm_stat_frame(a, newest_first ? na - 1 - i : i);
		y = tm_stat_frame(b, newest_first ? nb - 1 - i : i);
		order = compare_frames(&x, &y);
	}
	return order ? order : (na > nb) - (na < nb);
}

int order_by_location(const struct tm_stat *a, const struct tm_stat *b)
{
	return compare_stats(a, b, true);
}

static int compare_located(const void *a, const void *b, void *items)
{
	const struct tm_stat *stats = items;

	return order_by_location(&stats[*(const uint32_t *)a],
				 &stats[*(const uint32_t *)b]);
}

/* Snapshot.statistics()'s order, for statistics that come from a comparison. */
static int compare_plain(const void *a, const void *b, void *items)
{
	const struct tm_stat *stats = items;
	const struct tm_stat *x = &stats[*(const uint32_t *)a];
	const struct tm_stat *y = &stats[*(const uint32_t *)b];

	if (x->size != y->size)
		return x->size < y->size ? 1 : -1;
	if (x->count != y->count)
		return x->count < y->count ? 1 : -1;
	return compare_stats(y, x, false); /* as Traceback.__lt__ */
}

static void sort_by_value(const struct tm_stat *items, const struct tm_ages *ages,
			  uint32_t *rows, size_t n, enum sort sort)
{
	struct sort_key *keys = tm_calloc(n, sizeof(*keys));

	/* Ties go by the position so far, not by the index. */
	for (size_t i = 0; i < n; i++)
		keys[i] = (struct sort_key){
			value_of(&items[rows[i]], ages ? &ages[rows[i]] : NULL, sort),
			(uint32_t)i,
		};
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < n; i++)
		keys[i].index = rows[keys[i].index];
	for (size_t i = 0; i < n; i++)
		rows[i] = keys[i].index;
	free(keys);
}

uint32_t *order_rows(const struct tm_stats *stats, const struct tm_ages *ages,
		     enum sort sort, bool diff, bool compared, size_t *ret_n)
{
	bool natural = sort == (diff ? SORT_SIZE_DIFF : SORT_SIZE);
	uint32_t *rows;
	size_t n = 0;

	*ret_n = stats->n;
	if (natural && diff == compared)
		return NULL;
	rows = tm_calloc(stats->n, sizeof(*rows));
	for (size_t i = 0; i < stats->n; i++)
		if (diff || stats->items[i].count > 0)
			rows[n++] = (uint32_t)i;
	*ret_n = n;
	if (compared && !diff)
		qsort_r(rows, n, sizeof(*rows), compare_plain, stats->items);
	if (sort == SORT_LOCATION)
		qsort_r(rows, n, sizeof(*rows), compare_located, stats->items);
	else if (!natural)
		sort_by_value(stats->items, ages, rows, n, sort);
	return rows;
}
