#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void group_name_init(struct group_name *name, const struct tm_stat *stat)
{
	name->key = stat->key;
	name->nframe = tm_stat_nframe(stat);
	name->frames = tm_calloc(name->nframe, sizeof(*name->frames));
	for (uint32_t i = 0; i < name->nframe; i++) {
		struct tm_frame_view frame = tm_stat_frame(stat, i);

		name->frames[i].bytes = tm_memdup(frame.filename.bytes,
						frame.filename.len);
		name->frames[i].len = frame.filename.len;
		name->frames[i].lineno = frame.lineno;
	}
}

void group_name_deinit(struct group_name *name)
{
	for (uint32_t i = 0; i < name->nframe; i++)
		free(name->frames[i].bytes);
	free(name->frames);
	*name = (struct group_name){ 0 };
}

static bool group_is(const struct group_name *name, const struct tm_stat *stat)
{
	if (tm_stat_nframe(stat) != name->nframe)
		return false;
	for (uint32_t i = 0; i < name->nframe; i++) {
		struct tm_frame_view frame = tm_stat_frame(stat, i);
		const struct group_frame *want = &name->frames[i];

		if (frame.lineno != want->lineno ||
		    frame.filename.len != want->len ||
		    memcmp(frame.filename.bytes, want->bytes, want->len) != 0)
			return false;
	}
	return true;
}

static void put_snaps(struct snap **snaps, size_t n)
{
	for (size_t i = 0; snaps && i < n; i++)
		snap_put(snaps[i]);
	free(snaps);
}

void table_query_deinit(struct table_query *query)
{
	put_snaps(query->newer, query->nsnaps);
	put_snaps(query->older, query->nsnaps);
	filters_deinit(&query->filters);
	group_name_deinit(&query->follow);
	*query = (struct table_query){ 0 };
}

/* ---- what the statistics are computed from -------------------------------- */

struct table_source {
	struct snap **from; /* references */
	size_t nfrom;
	int64_t domain;
	struct snap *made;
};

struct table_cache {
	struct table_source newer, older;
};

struct table_cache *table_cache_create(void)
{
	return tm_calloc(1, sizeof(struct table_cache));
}

static void source_forget(struct table_source *source)
{
	put_snaps(source->from, source->nfrom);
	snap_put(source->made);
	*source = (struct table_source){ 0 };
}

void table_cache_destroy(struct table_cache *cache)
{
	if (!cache)
		return;
	source_forget(&cache->newer);
	source_forget(&cache->older);
	free(cache);
}

static bool source_is(const struct table_source *source, struct snap **from,
		      size_t n, int64_t domain)
{
	return source->made && source->nfrom == n && source->domain == domain &&
	       memcmp(source->from, from, n * sizeof(*from)) == 0;
}

static struct snap *source_make(struct snap **from, size_t n, int64_t domain,
				struct tm_err *err)
{
	struct tm_filter filter = { .domain_only = true, .inclusive = true,
				    .has_domain = true,
				    .domain = (uint32_t)domain };
	struct snap *merged = snap_merge(from, n, err), *made;

	if (!merged || domain < 0)
		return merged;
	/* A filter of its own: two inclusive filters in one list would be an
	 * "or", and the domain shown is meant on top of the filters. */
	made = snap_create(tm_snapshot_filter(merged->snapshot, &filter, 1), NULL);
	snap_put(merged);
	return made;
}

static struct snap *source_get(struct table_source *source, struct snap **from,
			       size_t n, int64_t domain, struct tm_err *err)
{
	struct snap *made;

	if (source && source_is(source, from, n, domain))
		return snap_get(source->made);
	made = source_make(from, n, domain, err);
	if (!made || !source)
		return made;
	source_forget(source);
	source->from = tm_calloc(n, sizeof(*from));
	for (size_t i = 0; i < n; i++)
		source->from[i] = snap_get(from[i]);
	source->nfrom = n;
	source->domain = domain;
	source->made = snap_get(made);
	return made;
}

/* ---- computing --------------------------------------------------------------- */

static void add_domain(struct table *table, uint32_t domain)
{
	size_t at = 0;

	while (at < table->ndomains && table->domains[at] < domain)
		at++;
	if (table->ndomains == TABLE_DOMAINS ||
	    (at < table->ndomains && table->domains[at] == domain))
		return;
	memmove(&table->domains[at + 1], &table->domains[at],
		(table->ndomains - at) * sizeof(*table->domains));
	table->domains[at] = domain;
	table->ndomains++;
}

static void find_domains(struct table *table, const struct table_query *query)
{
	for (size_t i = 0; i < query->nsnaps; i++) {
		const struct tm_snapshot *s = query->newer[i] ?
					      query->newer[i]->snapshot : NULL;

		for (size_t k = 0; s && k < s->nsites; k++)
			if (k == 0 || s->sites[k].domain != s->sites[k - 1].domain)
				add_domain(table, s->sites[k].domain);
	}
}

static bool compute_stats(struct table *table, const struct table_query *query,
			  struct tm_err *err)
{
	struct tm_query q = {
		.key = query->key, .cumulative = query->cumulative,
		.filters = query->filters.items, .nfilters = query->filters.n,
		.skip = query->skip,
	};

	table->stats = table->older ?
		tm_snapshot_compare(table->newer->snapshot,
				    table->older->snapshot, &q, err) :
		tm_snapshot_statistics(table->newer->snapshot, &q, err);
	if (!table->stats)
		return false;
	table->ages = tm_stats_ages(table->stats, table->stats->n, table->newer->snapshot, &q);
	if (table->stats->n >= UINT32_MAX)
		return tm_err_set(err, TM_ERR_LIMIT, "table", "%zu groups are too many",
				  table->stats->n);
	return true;
}

static size_t find_group(const struct table *table,
			 const struct group_name *name)
{
	if (name->nframe == 0 || name->key != table->key)
		return TABLE_NO_ROW;
	for (size_t i = 0; i < table->nrows; i++)
		if (group_is(name, table_row(table, i, false)))
			return i;
	return TABLE_NO_ROW;
}

static bool has_any(struct snap **snaps, size_t n)
{
	for (size_t i = 0; snaps && i < n; i++)
		if (snaps[i])
			return true;
	return false;
}

static bool get_sources(struct table *table, const struct table_query *query,
			struct table_cache *cache, struct tm_err *err)
{
	table->newer = source_get(cache ? &cache->newer : NULL, query->newer,
				  query->nsnaps, query->domain, err);
	if (!table->newer)
		return false;
	table->has_older = has_any(query->older, query->nsnaps);
	if (!table->has_older)
		return true;
	table->older = source_get(cache ? &cache->older : NULL, query->older,
				  query->nsnaps, query->domain, err);
	return table->older != NULL;
}

struct table *table_compute(const struct table_query *query,
			    struct table_cache *cache, struct tm_err *err)
{
	struct table *table = tm_calloc(1, sizeof(*table));

	atomic_init(&table->refs, 1);
	table->key = query->key;
	table->cumulative = query->cumulative;
	table->skip = query->skip;
	table->sort = query->sort;
	table->domain = query->domain;
	filters_copy(&table->filters, &query->filters);
	if (!get_sources(table, query, cache, err) ||
	    !compute_stats(table, query, err)) {
		table_put(table);
		return NULL;
	}
	table->diff = query->diff && table->has_older;
	table->order = order_rows(table->stats, table->ages, table->sort, table->diff,
				  table->has_older, &table->nrows);
	find_domains(table, query);
	table->follow = find_group(table, &query->follow);
	return table;
}

const struct tm_stat *table_row(const struct table *table, size_t row,
				bool reverse)
{
	if (reverse)
		row = table->nrows - 1 - row;
	return &table->stats->items[table->order ? table->order[row] : row];
}

struct table *table_get(struct table *table)
{
	if (table)
		atomic_fetch_add(&table->refs, 1);
	return table;
}

void table_put(struct table *table)
{
	if (!table || atomic_fetch_sub(&table->refs, 1) != 1)
		return;
	tm_stats_destroy(table->stats);
	free(table->ages);
	free(table->order);
	filters_deinit(&table->filters);
	snap_put(table->newer);
	snap_put(table->older);
	free(table);
}
