/*
 * How far the figures of a sample may be off. A block of s bytes is taken with
 * probability p = 1 - exp(-s/M) and represents 1/p blocks, so that each of these
 * adds (1 - p)/p to the variance of their number. Blocks are taken independently of
 * each other: variances add up, as sizes do, and are grouped as those.
 */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "model/group.h"
#include "model/tables.h"

/* 95 of 100 values of a normal distribution lie within so many deviations. */
#define DEVIATIONS 1.959964

/* What all variances add up to in whole numbers: recursion may count them often. */
#define WHOLE ((double)(1ull << 48))

struct variance {
	double size, count;
};

static struct variance variance_of(const struct tm_row *row, double mean)
{
	double p = -expm1(-(double)row->size / mean);
	double count = p > 0 ? row->count * (1 - p) / p : 0;

	return (struct variance){ count * (double)row->size * (double)row->size, count };
}

/* By site; *ret_total of all. */
static struct variance *variances(const struct tm_snapshot *snapshot,
				  struct variance *ret_total)
{
	struct variance *ret = tm_calloc(snapshot->nsites + 1, sizeof(*ret));

	*ret_total = (struct variance){ 0 };
	for (size_t i = 0; i < snapshot->nrows; i++) {
		const struct tm_row *row = &snapshot->rows[i];
		struct variance one = variance_of(row, (double)snapshot->meta.sample_bytes);

		ret[row->site].size += one.size;
		ret[row->site].count += one.count;
		ret_total->size += one.size;
		ret_total->count += one.count;
	}
	return ret;
}

static uint64_t error_of(double variance)
{
	return (uint64_t)ceil(DEVIATIONS * sqrt(variance));
}

/* The snapshot with variances in place of its sites' figures, as parts of WHOLE. */
static struct tm_site *scaled(const struct tm_snapshot *snapshot,
			      const struct variance *by_site, struct variance total)
{
	struct tm_site *sites = tm_calloc(snapshot->nsites + 1, sizeof(*sites));

	for (size_t i = 0; i < snapshot->nsites; i++) {
		sites[i] = snapshot->sites[i];
		if (!sites[i].count)
			continue;
		sites[i].size = total.size > 0
			? (uint64_t)(by_site[i].size / total.size * WHOLE) : 0;
		/* 0 would be no site at all. */
		sites[i].count = 1 + (total.count > 0
			? (uint64_t)(by_site[i].count / total.count * WHOLE) : 0);
	}
	return sites;
}

struct tm_error *tm_stats_errors(const struct tm_stats *stats, size_t nitems,
				 const struct tm_query *query)
{
	const struct tm_snapshot *snapshot = nitems ? stats->items[0].snapshot : NULL;
	TM_GUARD(tm_free_ptr) struct variance *by_site = NULL;
	TM_GUARD(tm_free_ptr) struct tm_site *sites = NULL;
	TM_GUARD(groups_free) struct groups groups = { 0 };
	struct model_snapshot twin;
	struct variance total;
	struct tm_error *ret;
	struct tm_err err;

	if (!snapshot || stats->is_diff || !snapshot->meta.sample_bytes)
		return NULL;
	by_site = variances(snapshot, &total);
	sites = scaled(snapshot, by_site, total);
	twin = *(const struct model_snapshot *)snapshot;
	twin.pub.sites = sites;
	if (!groups_collect(&groups, &twin.pub, query, &err))
		return NULL;
	ret = tm_calloc(nitems, sizeof(*ret));
	for (size_t i = 0; i < nitems; i++) {
		tm_id at = groups.index[stats->items[i].group];

		if (at == TM_ID_NONE)
			continue;
		ret[i].size = error_of((double)groups.items[at].size / WHOLE * total.size);
		ret[i].count = error_of((double)groups.items[at].count / WHOLE * total.count);
	}
	return ret;
}

bool tm_snapshot_error(const struct tm_snapshot *snapshot, struct tm_error *ret)
{
	struct variance total;

	if (!snapshot->meta.sample_bytes)
		return false;
	free(variances(snapshot, &total));
	*ret = (struct tm_error){ error_of(total.size), error_of(total.count) };
	return true;
}
