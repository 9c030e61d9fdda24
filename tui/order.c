#include "order.h"

#include "xalloc.h"

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

static double value_of(const struct tm_stat *stat, enum sort sort)
{
	switch (sort) {
	case SORT_SIZE:
		return (double)stat->size;
	case SORT_COUNT:
		return (double)stat->count;
	case SORT_AVERAGE:
		return stat->count ? (double)stat->size / (double)stat->count : 0;
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

int order_by_location(const struct tm_stat *a, const struct tm_stat *b)
{
	uint32_t na = tm_stat_nframe(a), nb = tm_stat_nframe(b);
	int order = 0;

	for (uint32_t i = 0; order == 0 && i < na && i < nb; i++) {
		struct tm_frame_view x = tm_stat_frame(a, na - 1 - i);
		struct tm_frame_view y = tm_stat_frame(b, nb - 1 - i);

		order = compare_frames(&x, &y);
	}
	return order ? order : (na > nb) - (na < nb);
}

/* Traceback.__lt__: frames from the oldest, as tuples compare. */
static int order_by_traceback(const struct tm_stat *a, const struct tm_stat *b)
{
	uint32_t na = tm_stat_nframe(a), nb = tm_stat_nframe(b);
	int order = 0;

	for (uint32_t i = 0; order == 0 && i < na && i < nb; i++) {
		struct tm_frame_view x = tm_stat_frame(a, i);
		struct tm_frame_view y = tm_stat_frame(b, i);

		order = compare_frames(&x, &y);
	}
	return order ? order : (na > nb) - (na < nb);
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
	return order_by_traceback(y, x);
}

static void sort_by_value(struct table *table)
{
	struct sort_key *keys = xcalloc(table->nrows, sizeof(*keys));

	for (size_t i = 0; i < table->nrows; i++) {
		uint32_t index = table->order[i];

		/* Ties go by the position so far, not by the index. */
		keys[i].value = value_of(&table->stats->items[index], table->sort);
		keys[i].index = (uint32_t)i;
	}
	qsort(keys, table->nrows, sizeof(*keys), compare_keys);
	for (size_t i = 0; i < table->nrows; i++)
		keys[i].index = table->order[keys[i].index];
	for (size_t i = 0; i < table->nrows; i++)
		table->order[i] = keys[i].index;
	free(keys);
}

/* All groups; without differences, only those there still is something of. */
static void list_groups(struct table *table)
{
	const struct tm_stats *stats = table->stats;

	table->order = xcalloc(stats->n, sizeof(*table->order));
	table->nrows = 0;
	for (size_t i = 0; i < stats->n; i++)
		if (table->diff || stats->items[i].count > 0)
			table->order[table->nrows++] = (uint32_t)i;
}

void order_table(struct table *table)
{
	bool natural = table->sort == (table->diff ? SORT_SIZE_DIFF : SORT_SIZE);
	struct tm_stat *items = table->stats->items;

	table->nrows = table->stats->n;
	if (natural && table->diff == table->has_older)
		return;
	list_groups(table);
	if (table->has_older && !table->diff)
		qsort_r(table->order, table->nrows, sizeof(*table->order),
			compare_plain, items);
	if (natural)
		return;
	if (table->sort == SORT_LOCATION)
		qsort_r(table->order, table->nrows, sizeof(*table->order),
			compare_located, items);
	else
		sort_by_value(table);
}
