#include "detail.h"

#include "xalloc.h"

struct detail *detail_create(struct table *table, const struct tm_stat *stat)
{
	struct detail *detail = xcalloc(1, sizeof(*detail));
	const struct tm_snapshot *s = stat->snapshot;
	struct tm_query query = {
		.key = table->key, .cumulative = table->cumulative,
		.filters = table->filters.items, .nfilters = table->filters.n,
	};

	detail->table = table_get(table);
	detail->stat = *stat;
	detail->sites = tm_stat_sites(s, stat, &query, &detail->nsites);
	detail->starts = xcalloc(detail->nsites + 1, sizeof(*detail->starts));
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
	size_t low = 0, high = detail->nsites;

	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (detail->starts[mid] <= line)
			low = mid;
		else
			high = mid;
	}
	*ret_within = line - detail->starts[low];
	return low;
}
