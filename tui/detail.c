#include "detail.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/search.h"

struct detail *detail_create(struct table *table, const struct tm_stat *stat)
{
	struct detail *detail = tm_calloc(1, sizeof(*detail));
	const struct tm_snapshot *s = stat->snapshot;
	struct tm_query query = {
		.key = table->key, .cumulative = table->cumulative,
		.filters = table->filters.items, .nfilters = table->filters.n,
		.skip = table->skip,
	};

	detail->table = table_get(table);
	detail->stat = *stat;
	detail->sites = tm_stat_sites(s, stat, &query, &detail->nsites);
	detail->starts = tm_calloc(detail->nsites + 1, sizeof(*detail->starts));
	for (size_t i = 0; i < detail->nsites; i++) {
		tm_id traceback = s->sites[detail->sites[i]].traceback;

		detail->starts[i + 1] = detail->starts[i] +
			DETAIL_LINES(s->tracebacks[traceback].nframe);
	}
	return detail;
}

void detail_destroy(struct detail *detail)
{
	if (!detail)
		return;
	free(detail->sites);
	free(detail->starts);
	table_put(detail->table);
	free(detail);
}

uint64_t detail_nlines(const struct detail *detail)
{
	return detail->starts[detail->nsites];
}

size_t detail_find(const struct detail *detail, uint64_t line,
		   uint64_t *ret_within)
{
	size_t site = TM_LOWER_BOUND(detail->nsites, i,
				     detail->starts[i + 1] <= line);

	*ret_within = line - detail->starts[site];
	return site;
}
