/* How old the blocks of groups are, as far as somebody kept it. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "model/copy.h"
#include "model/group.h"
#include "model/tables.h"
#include "model/translate.h"

bool tm_snapshot_has_ages(const struct tm_snapshot *snapshot)
{
	return tables_of(snapshot)->aged;
}

struct tm_snapshot *tm_snapshot_without_ages(const struct tm_snapshot *snapshot)
{
	struct snapshot_copy copy;

	snapshot_copy_begin(&copy, snapshot, NULL, 0);
	copy.no_ages = true;
	for (tm_id id = 0; id < snapshot->nsites; id++)
		if (snapshot->sites[id].count)
			snapshot_copy_site(&copy, id);
	return snapshot_copy_finish(&copy);
}

/* ---- of groups ----------------------------------------------------------------- */

struct adding {
	const struct tm_snapshot *snapshot;
	struct tm_ages *by_group;
};

static bool add_age(void *ctx, tm_id site, tm_id group, uint32_t times)
{
	const struct adding *to = ctx;
	const uint32_t age = to->snapshot->sites[site].age;
	struct tm_ages *ages = &to->by_group[group];

	(void)times;
	if (age == TM_AGE_NONE)
		return true;
	if (ages->oldest == TM_AGE_NONE || age > ages->oldest)
		ages->oldest = age;
	if (ages->newest == TM_AGE_NONE || age < ages->newest)
		ages->newest = age;
	return true;
}

static struct tm_ages *no_ages(size_t n)
{
	struct tm_ages *ages = tm_reallocarray(NULL, n + 1, sizeof(*ages));

	for (size_t i = 0; i < n; i++)
		ages[i] = (struct tm_ages){ TM_AGE_NONE, TM_AGE_NONE };
	return ages;
}

/* The group of an item in `newer`: of a difference it may be gone, and what is of several
 * snapshots has a group of its own. */
static tm_id group_in(const struct tm_snapshot *newer, const struct tm_stat *stat,
		      struct translation *tr)
{
	if (stat->snapshot == newer)
		return stat->group;
	if (tr->from != stat->snapshot) {
		translation_free(tr);
		translation_init(tr, stat->snapshot, newer);
	}
	return translate_group(tr, stat->key, stat->group);
}

struct tm_ages *tm_stats_ages(const struct tm_stats *stats, size_t nitems,
			      const struct tm_snapshot *newer,
			      const struct tm_query *query)
{
	TM_GUARD(tm_free_ptr) struct tm_ages *by_group = NULL;
	struct adding adding = { newer, NULL };
	struct group_walk walk = {
		.snapshot = newer, .query = query, .visit = add_age, .ctx = &adding,
	};
	TM_GUARD(translation_free) struct translation tr = { 0 };
	struct tm_ages *ret;

	if (!tm_snapshot_has_ages(newer))
		return NULL;
	adding.by_group = by_group = no_ages(group_ids(newer, query->key));
	groups_walk(&walk);
	ret = no_ages(nitems);
	for (size_t i = 0; i < nitems; i++) {
		const tm_id group = group_in(newer, &stats->items[i], &tr);

		if (group != TM_ID_NONE)
			ret[i] = by_group[group];
	}
	return ret;
}
