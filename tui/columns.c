#include "columns.h"

#include <inttypes.h>
#include <stdio.h>

#include "tmattach/format.h"

static enum role format_size(const struct table *table,
			     const struct tm_stat *stat, char buf[static 32])
{
	(void)table;
	tm_format_size(buf, (double)stat->size, false);
	return ROLE_NORMAL;
}

static enum role format_share(const struct table *table,
			      const struct tm_stat *stat, char buf[static 32])
{
	uint64_t total = table->stats->total_size;

	snprintf(buf, 32, "%.1f",
		 total ? 100.0 * (double)stat->size / (double)total : 0.0);
	return ROLE_DIM;
}

static enum role format_count(const struct table *table,
			      const struct tm_stat *stat, char buf[static 32])
{
	(void)table;
	snprintf(buf, 32, "%" PRIu64, stat->count);
	return ROLE_NORMAL;
}

static enum role format_average(const struct table *table,
				const struct tm_stat *stat, char buf[static 32])
{
	(void)table;
	tm_format_size(buf, stat->count ? (double)stat->size /
					  (double)stat->count : 0, false);
	return ROLE_NORMAL;
}

static enum role format_ages(const struct table *table,
			     const struct tm_stat *stat, char buf[static 32])
{
	tm_format_ages(buf, table->ages ? &table->ages[stat - table->stats->items] : NULL);
	return ROLE_NORMAL;
}

static enum role format_size_diff(const struct table *table,
				  const struct tm_stat *stat, char buf[static 32])
{
	if (table->has_older)
		tm_format_size(buf, (double)stat->size_diff, true);
	else
		snprintf(buf, 32, "-");
	return table->has_older ? screen_role_of(stat->size_diff) : ROLE_DIM;
}

static enum role format_count_diff(const struct table *table,
				   const struct tm_stat *stat, char buf[static 32])
{
	(void)table;
	snprintf(buf, 32, "%+" PRId64, stat->count_diff);
	return screen_role_of(stat->count_diff);
}

static const struct column columns[] = {
	{ .title = "SIZE", .about = "size of all blocks", .width = 10,
	  .sortable = true, .sort = SORT_SIZE, .format = format_size },
	{ .title = "%", .about = "share of all sizes", .width = 6,
	  .min_cols = 70, .sort = SORT_SIZE, .format = format_share },
	{ .title = "COUNT", .about = "number of blocks", .width = 10,
	  .min_cols = 40, .sortable = true, .sort = SORT_COUNT,
	  .format = format_count },
	{ .title = "AVERAGE", .about = "average size of a block", .width = 10,
	  .min_cols = 60, .sortable = true, .sort = SORT_AVERAGE,
	  .format = format_average },
	{ .title = "AGE", .about = "age of the oldest block", .width = 11,
	  .min_cols = 80, .needs_ages = true, .sortable = true, .sort = SORT_AGE,
	  .format = format_ages },
	{ .title = "DELTA", .about = "size, against the baseline", .width = 11,
	  .min_cols = 50, .sortable = true, .sort = SORT_SIZE_DIFF,
	  .format = format_size_diff },
	{ .title = "DCOUNT", .about = "count, against the baseline", .width = 10,
	  .min_cols = 100, .needs_mark = true, .sortable = true,
	  .sort = SORT_COUNT_DIFF, .format = format_count_diff },
	{ .title = "LOCATION", .about = "file and line", .width = 0,
	  .sortable = true, .sort = SORT_LOCATION, .format = NULL },
};

size_t columns_count(void)
{
	return sizeof(columns) / sizeof(columns[0]);
}

const struct column *columns_at(size_t i)
{
	return &columns[i];
}

bool columns_shown(const struct state *state, size_t i)
{
	return state->cols >= columns[i].min_cols &&
	       (!columns[i].needs_mark || (state->table && state->table->has_older)) &&
	       (!columns[i].needs_ages || (state->table && state->table->ages));
}

size_t columns_index_of(enum sort sort)
{
	for (size_t i = 0; i < columns_count(); i++)
		if (columns[i].sortable && columns[i].sort == sort)
			return i;
	return 0;
}

const struct column *columns_at_col(const struct state *state, int col)
{
	int at = 0;

	for (size_t i = 0; i < columns_count(); i++) {
		if (!columns_shown(state, i))
			continue;
		if (columns[i].width == 0 || col < at + columns[i].width)
			return columns[i].sortable ? &columns[i] : NULL;
		at += columns[i].width;
	}
	return NULL;
}

size_t columns_menu_length(void)
{
	return columns_menu_row(columns_count());
}

size_t columns_menu_row(size_t column)
{
	size_t row = 0;

	for (size_t i = 0; i < column && i < columns_count(); i++)
		row += columns[i].sortable;
	return row;
}

size_t columns_menu_column(size_t row)
{
	for (size_t i = 0; i < columns_count(); i++)
		if (columns[i].sortable && row-- == 0)
			return i;
	return 0;
}
