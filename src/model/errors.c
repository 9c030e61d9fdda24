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

/* 95 of 100 values of a normal distribution lie within so many deviations. */
#define DEVIATIONS 1.959964

struct variance {
	double size, count;
};

static struct variance variance_of(const struct tm_row *row, double mean)
{
	double p = -expm1(-(double)row->size / mean);
	double count = p > 0 ? row->count * (1 - p) / p : 0;

	return (struct variance){ count * (double)row->size * (double)row->size, count };
}

/* By site. */
static struct variance *variances(const struct tm_snapshot *snapshot)
{
	struct variance *ret = tm_calloc(snapshot->nsites + 1, sizeof(*ret));

	for (size_t i = 0; i < snapshot->nrows; i++) {
		const struct tm_row *row = &snapshot->rows[i];
		struct variance one = variance_of(row, (double)snapshot->meta.sample_bytes);

		ret[row->site].size += one.size;
		ret[row->site].count += one.count;
	}
	return ret;
}

/* Sums of sizes and squares beyond what fits are as far off as can be said. */
static uint64_t deviation_of(double variance)
{
	double ret = ceil(DEVIATIONS * sqrt(variance));

	return ret < (double)INT64_MAX ? (uint64_t)ret : INT64_MAX;
}

static struct tm_error error_of(struct variance variance)
{
	return (struct tm_error){ deviation_of(variance.size), deviation_of(variance.count) };
}

/* ---- of groups ----------------------------------------------------------------- */

struct adding {
	const struct variance *by_site;
	struct variance *by_group;
};

/* What counts k times is k times as far off. */
static bool add_variance(void *ctx, tm_id site, tm_id group, uint32_t times)
{
	const struct adding *to = ctx;
	double square = (double)times * times;

	to->by_group[group].size += square * to->by_site[site].size;
	to->by_group[group].count += square * to->by_site[site].count;
	return true;
}

struct tm_error *tm_stats_errors(const struct tm_stats *stats, size_t nitems,
				 const struct tm_query *query)
{
	const struct tm_snapshot *snapshot = nitems ? stats->items[0].snapshot : NULL;
	TM_GUARD(tm_free_ptr) struct variance *by_site = NULL;
	TM_GUARD(tm_free_ptr) struct variance *by_group = NULL;
	struct group_walk walk = { snapshot, query, .visit = add_variance };
	struct adding adding;
	struct tm_error *ret;

	if (!snapshot || stats->is_diff || !snapshot->meta.sample_bytes)
		return NULL;
	by_site = variances(snapshot);
	by_group = tm_calloc(group_ids(snapshot, query->key), sizeof(*by_group));
	adding = (struct adding){ by_site, by_group };
	walk.ctx = &adding;
	groups_walk(&walk);
	ret = tm_calloc(nitems, sizeof(*ret));
	for (size_t i = 0; i < nitems; i++)
		ret[i] = error_of(by_group[stats->items[i].group]);
	return ret;
}

/* ---- of all ---------------------------------------------------------------------- */

bool tm_snapshot_error(const struct tm_snapshot *snapshot, struct tm_error *ret)
{
	TM_GUARD(tm_free_ptr) struct variance *by_site = NULL;
	struct variance total = { 0 };

	if (!snapshot->meta.sample_bytes)
		return false;
	by_site = variances(snapshot);
	for (size_t i = 0; i < snapshot->nsites; i++) {
		total.size += by_site[i].size;
		total.count += by_site[i].count;
	}
	*ret = error_of(total);
	return true;
}
