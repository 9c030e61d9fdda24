/*
 * Sites grouped by a key. A group is known by a string, frame or traceback id
 * (struct tm_stat tells which); groups without traces do not exist.
 */
#ifndef TM_MODEL_GROUP_H
#define TM_MODEL_GROUP_H

#include "model/acting.h"
#include "tmattach/stats.h"

struct groups {
	struct tm_stat *items; /* in no order; *_diff are 0 */
	size_t n, cap;
	tm_id *index; /* of a group's item, by group id; or TM_ID_NONE */
	uint64_t total_size;
	uint64_t total_count;
};

/* TM_ERR_LIMIT: sums that no difference can hold. */
bool groups_collect(struct groups *groups, const struct tm_snapshot *snapshot,
		    const struct tm_query *query, struct tm_err *err);
void groups_free(struct groups *groups);

/* tm_snapshot_statistics(), in no order. */
struct tm_stats *stats_unsorted(const struct tm_snapshot *snapshot,
				const struct tm_query *query, struct tm_err *err);
/* tm_stats_shares(). *ret_last: what passed of the last part. */
struct tm_share *stats_shares(const struct tm_stats *stats, size_t nitems,
			      const struct tm_snapshot *const *parts, size_t n,
			      const struct tm_query *query, struct tm_share *ret_last);

/*
 * Each group that each site counts for: of its acting frame or its traceback, or in
 * cumulative mode of all its frames. Only sites that pass the query's filters.
 */
struct group_walk {
	const struct tm_snapshot *snapshot;
	const struct tm_query *query;
	/* `times`: how often it counts, once but for recursion. False: no more. */
	bool (*visit)(void *ctx, tm_id site, tm_id group, uint32_t times);
	void *ctx;
	uint64_t total_size, total_count; /* results: of these sites */
	uint32_t *times;                  /* for groups_walk() itself: NULL */
};

/* False if visit() was. */
bool groups_walk(struct group_walk *walk);

tm_id group_of_frame(const struct tm_snapshot *snapshot, enum tm_key key,
		     tm_id frame);
tm_id group_of_site(struct acting *acting, enum tm_key key, const struct tm_site *site);

/* How many group ids there are for a key. */
size_t group_ids(const struct tm_snapshot *snapshot, enum tm_key key);

#endif
