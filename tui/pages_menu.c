#include "base/alloc.h"
#include "state.h"

#include <stdio.h>

#include "actions.h"
#include "columns.h"
#include "type_columns.h"

static size_t filters_length(const struct state *state)
{
	return state->filters.n;
}

static char *filter_text(const struct state *state, size_t i)
{
	return filters_describe(&state->filters.items[i]);
}

const struct page page_filters = {
	.shape = PAGE_MENU, .keys = KEYS_LIST | KEYS_MENU,
	.title = "Filters, in their order", .empty = "there are none",
	.length = filters_length, .text = filter_text,
};

static size_t sort_length(const struct state *state)
{
	return state->back == MODE_OBJECTS ? type_columns_count() :
					     columns_menu_length();
}

static char *sort_text(const struct state *state, size_t i)
{
	const struct column *column = columns_at(columns_menu_column(i));
	const struct type_column *types = type_columns_at(i);

	if (state->back == MODE_OBJECTS)
		return tm_asprintf("%-18s %s", types->title, types->about);
	return tm_asprintf("%-18s %s", column->title, column->about);
}

const struct page page_sort = {
	.shape = PAGE_MENU, .keys = KEYS_LIST | KEYS_MENU,
	.title = "Sort by",
	.length = sort_length, .text = sort_text,
};

static size_t tracing_length(const struct state *state)
{
	size_t n = 0;

	(void)state;
	while (tracing_request(n) < REQUEST_COUNT)
		n++;
	return n;
}

static char *tracing_text(const struct state *state, size_t i)
{
	const struct ask *ask = &asks[tracing_request(i)];

	(void)state;
	return tm_asprintf("%-18s %s", ask->title, ask->explain);
}

const struct page page_tracing = {
	.shape = PAGE_MENU, .keys = KEYS_LIST | KEYS_MENU,
	.title = "Tracing in the target",
	.length = tracing_length, .text = tracing_text,
};
