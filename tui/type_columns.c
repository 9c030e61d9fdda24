#include "tmattach/format.h"
#include "type_columns.h"

#include <inttypes.h>
#include <stdio.h>

static enum role format_count(const struct types *types,
			      const struct tm_heap_group *group, char buf[static 32])
{
	(void)types;
	snprintf(buf, 32, "%" PRIu64, group->count);
	return ROLE_NORMAL;
}

static enum role format_size(const struct types *types,
			     const struct tm_heap_group *group, char buf[static 32])
{
	(void)types;
	tm_format_size(buf, (double)group->size, false);
	return ROLE_NORMAL;
}

static enum role format_size_diff(const struct types *types,
				  const struct tm_heap_group *group, char buf[static 32])
{
	if (types->since)
		tm_format_size(buf, (double)group->size_diff, true);
	else
		snprintf(buf, 32, "-");
	return types->since ? screen_role_of(group->size_diff) : ROLE_DIM;
}

static enum role format_count_diff(const struct types *types,
				   const struct tm_heap_group *group, char buf[static 32])
{
	(void)types;
	snprintf(buf, 32, "%+" PRId64, group->count_diff);
	return screen_role_of(group->count_diff);
}

/* Nothing retains less than itself: 0 stands for types it was not computed for. */
static enum role format_retained(const struct types *types,
				 const struct tm_heap_group *group, char buf[static 32])
{
	if (types->retained && group->retained)
		tm_format_size(buf, (double)group->retained, false);
	else
		snprintf(buf, 32, "%s", types->retained ? "-" : "...");
	return types->retained && group->retained ? ROLE_NORMAL : ROLE_DIM;
}

static const struct type_column columns[] = {
	{ .title = "COUNT", .about = "number of objects", .width = 10,
	  .sort = TYPE_COUNT, .format = format_count },
	{ .title = "DCOUNT", .about = "count, against the baseline", .width = 10,
	  .min_cols = 70, .needs_mark = true, .sort = TYPE_COUNT_DIFF,
	  .format = format_count_diff },
	{ .title = "SIZE", .about = "size of all objects, with their private buffers",
	  .width = 11, .sort = TYPE_SIZE, .format = format_size },
	{ .title = "DELTA", .about = "size, against the baseline", .width = 12,
	  .min_cols = 50, .sort = TYPE_SIZE_DIFF, .format = format_size_diff },
	{ .title = "RETAINED", .about = "what would be freed with all objects of the type",
	  .width = 11, .min_cols = 60, .needs_retained = true, .sort = TYPE_RETAINED,
	  .format = format_retained },
	{ .title = "TYPE", .about = "name of the type", .sort = TYPE_NAME },
};

size_t type_columns_count(void)
{
	return sizeof(columns) / sizeof(columns[0]);
}

const struct type_column *type_columns_at(size_t i)
{
	return &columns[i];
}

bool type_columns_shown(const struct state *state, size_t i)
{
	return state->cols >= columns[i].min_cols &&
	       (!columns[i].needs_mark || state->types.since) &&
	       (!columns[i].needs_retained || state->types.with_retained);
}

size_t type_columns_index_of(enum type_sort sort)
{
	size_t i = 0;

	while (columns[i].sort != sort)
		i++;
	return i;
}

const struct type_column *type_columns_at_col(const struct state *state, int col)
{
	int at = 0;

	for (size_t i = 0; i < type_columns_count(); i++) {
		if (!type_columns_shown(state, i))
			continue;
		at += columns[i].width;
		if (columns[i].width == 0 || col < at)
			return &columns[i];
	}
	return NULL;
}
