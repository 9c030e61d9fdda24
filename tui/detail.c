#include "detail.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/search.h"

/* A traceback is one, however old its blocks are: the sites of a snapshot without ages,
 * which has what the filters let pass. */
static void find_sites(struct detail *detail, struct tm_query query)
{
	const struct tm_stat *stat = &detail->stat;
	struct tm_snapshot *passed;

	detail->snapshot = stat->snapshot;
	if (tm_snapshot_has_ages(stat->snapshot)) {
		passed = tm_snapshot_select(stat->snapshot, &query);
		detail->snapshot = detail->made = tm_snapshot_without_ages(passed);
		tm_snapshot_destroy(passed);
		query.nfilters = 0;
	}
	detail->sites = tm_stat_sites(detail->snapshot, stat, &query, &detail->nsites);
}

struct detail *detail_create(struct table *table, const struct tm_stat *stat)
{
	struct detail *detail = tm_calloc(1, sizeof(*detail));
	const struct tm_snapshot *s;

	detail->table = table_get(table);
	detail->stat = *stat;
	find_sites(detail, (struct tm_query){
		.key = table->key, .cumulative = table->cumulative,
		.filters = table->filters.items, .nfilters = table->filters.n,
		.skip = table->skip,
	});
	s = detail->snapshot;
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
	tm_snapshot_destroy(detail->made);
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
