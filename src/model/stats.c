#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/order.h"
#include "model/filter.h"
#include "model/frame.h"
#include "model/function.h"
#include "model/group.h"
#include "model/sort.h"
#include "model/translate.h"

const char *tm_key_name(enum tm_key key)
{
	static const char *const names[] = {
		[TM_KEY_FILENAME] = "filename",
		[TM_KEY_LINENO] = "lineno",
		[TM_KEY_TRACEBACK] = "traceback",
		[TM_KEY_FUNCTION] = "function",
		[TM_KEY_THREAD] = "thread",
	};

	return (size_t)key < sizeof(names) / sizeof(names[0]) ? names[key] : NULL;
}

static bool check_query(const struct tm_query *query, struct tm_err *err)
{
	if (!query->cumulative || (query->key != TM_KEY_TRACEBACK && query->key != TM_KEY_THREAD))
		return true;
	tm_err_set(err, TM_ERR_USAGE, tm_key_name(query->key),
		   "cumulative mode cannot be used with this key");
	return tm_err_hint(err, "group by lineno or filename instead");
}

/* Takes the items over. */
static struct tm_stats *new_stats(struct groups *groups,
				  const struct tm_query *query, bool diff)
{
	struct tm_stats *stats = tm_calloc(1, sizeof(*stats));

	stats->items = groups->items;
	stats->n = groups->n;
	stats->total_size = groups->total_size;
	stats->total_count = groups->total_count;
	stats->is_diff = diff;
	stats->query = *query;
	stats->query.filters = NULL;
	stats->query.skip.patterns = NULL;
	groups->items = NULL;
	return stats;
}

struct tm_stats *stats_unsorted(const struct tm_snapshot *snapshot,
				const struct tm_query *query, struct tm_err *err)
{
	TM_GUARD(groups_free) struct groups groups = { 0 };

	if (!check_query(query, err) ||
	    !groups_collect(&groups, snapshot, query, err))
		return NULL;
	return new_stats(&groups, query, false);
}

struct tm_stats *tm_snapshot_statistics(const struct tm_snapshot *snapshot,
					const struct tm_query *query,
					struct tm_err *err)
{
	struct tm_stats *stats = stats_unsorted(snapshot, query, err);

	if (stats)
		sort_stats(stats->items, stats->n);
	return stats;
}

/* Groups of the older snapshot alone: nothing is left of them. */
static void append_gone(struct groups *now, const struct tm_stat *then)
{
	struct tm_stat *item;

	now->items = tm_grow(now->items, &now->cap, now->n + 1,
			     sizeof(*now->items));
	item = &now->items[now->n++];
	*item = *then;
	item->size = 0;
	item->count = 0;
	item->size_diff = -(int64_t)then->size;
	item->count_diff = -(int64_t)then->count;
}

static void subtract(struct groups *now, const struct groups *then,
		     struct translation *tr, enum tm_key key)
{
	for (size_t i = 0; i < now->n; i++) {
		now->items[i].size_diff = (int64_t)now->items[i].size;
		now->items[i].count_diff = (int64_t)now->items[i].count;
	}
	for (size_t i = 0; i < then->n; i++) {
		const struct tm_stat *was = &then->items[i];
		tm_id group = translate_group(tr, key, was->group);
		tm_id at = group == TM_ID_NONE ? group : now->index[group];

		if (at == TM_ID_NONE) {
			append_gone(now, was);
			continue;
		}
		now->items[at].size_diff -= (int64_t)was->size;
		now->items[at].count_diff -= (int64_t)was->count;
	}
}

struct tm_stats *tm_snapshot_compare(const struct tm_snapshot *newer,
				     const struct tm_snapshot *older,
				     const struct tm_query *query,
				     struct tm_err *err)
{
	TM_GUARD(groups_free) struct groups now = { 0 };
	TM_GUARD(groups_free) struct groups then = { 0 };
	TM_GUARD(translation_free) struct translation tr = { 0 };
	struct tm_stats *stats;

	if (!check_query(query, err) ||
	    !groups_collect(&now, newer, query, err) ||
	    !groups_collect(&then, older, query, err))
		return NULL;
	translation_init(&tr, older, newer);
	subtract(&now, &then, &tr, query->key);
	stats = new_stats(&now, query, true);
	sort_stats(stats->items, stats->n);
	return stats;
}

void tm_stats_destroy(struct tm_stats *stats)
{
	if (!stats)
		return;
	free(stats->items);
	free(stats);
}

/* Not one frame of it, but what all have in common. */
static struct tm_frame_view function_view(const struct tm_snapshot *s, tm_id frame)
{
	struct function function = function_of(tables_of(s), &s->frames[frame]);
	struct tm_frame_view view = { .filename = s->strings[function.filename] };

	if (function.name != TM_ID_NONE)
		view.function = s->strings[function.name];
	return view;
}

uint32_t tm_stat_nframe(const struct tm_stat *stat)
{
	if (stat->key != TM_KEY_TRACEBACK)
		return 1;
	return stat->snapshot->tracebacks[stat->group].nframe;
}

struct tm_frame_view tm_stat_frame(const struct tm_stat *stat, uint32_t i)
{
	switch (stat->key) {
	case TM_KEY_FILENAME: case TM_KEY_THREAD:
		return (struct tm_frame_view){
			.filename = stat->snapshot->strings[stat->group],
		};
	case TM_KEY_LINENO:
		return tm_snapshot_frame(stat->snapshot, stat->group);
	case TM_KEY_FUNCTION:
		return function_view(stat->snapshot, stat->group);
	case TM_KEY_TRACEBACK:
		break;
	}
	return tm_traceback_frame(stat->snapshot, stat->group, i);
}

/* ---- the sites of a statistic -------------------------------------------- */

static bool belongs(struct acting *acting, const struct tm_query *query,
		    const struct tm_site *site, tm_id group)
{
	const struct tm_snapshot *s = acting->snapshot;
	const tm_id *frames = traceback_frames(s, site->traceback);
	uint32_t n = s->tracebacks[site->traceback].nframe;

	if (!query->cumulative)
		return group_of_site(acting, query->key, site) == group;
	for (uint32_t i = 0; i < n; i++)
		if (group_of_frame(s, query->key, frames[i]) == group)
			return true;
	return false;
}

/* For qsort_r: largest first; the site that was seen first among equals. */
static int by_size(const void *a, const void *b, void *ctx)
{
	const struct tm_site *sites = ctx;
	tm_id ia = *(const tm_id *)a, ib = *(const tm_id *)b;
	int order = tm_order_u64(sites[ib].size, sites[ia].size);

	if (!order)
		order = tm_order_u64(sites[ib].count, sites[ia].count);
	return order ? order : tm_order_u64(ia, ib);
}

static tm_id group_in(const struct tm_snapshot *snapshot,
		      const struct tm_stat *stat)
{
	TM_GUARD(translation_free) struct translation tr = { 0 };

	if (stat->snapshot == snapshot)
		return stat->group;
	translation_init(&tr, stat->snapshot, snapshot);
	return translate_group(&tr, stat->key, stat->group);
}

tm_id *tm_stat_sites(const struct tm_snapshot *snapshot,
		     const struct tm_stat *stat, const struct tm_query *query,
		     size_t *ret_n)
{
	TM_GUARD(filter_set_free) struct filter_set filters;
	tm_id group = group_in(snapshot, stat);
	size_t n = 0, cap = 0;
	tm_id *ids = tm_grow(NULL, &cap, 1, sizeof(*ids));

	filter_set_init(&filters, snapshot, query);
	for (tm_id id = 0; id < snapshot->nsites; id++) {
		const struct tm_site *site = &snapshot->sites[id];

		if (group == TM_ID_NONE || !site->count ||
		    !belongs(&filters.acting, query, site, group) ||
		    !filter_set_passes(&filters, id))
			continue;
		ids = tm_grow(ids, &cap, n + 1, sizeof(*ids));
		ids[n++] = id;
	}
	qsort_r(ids, n, sizeof(*ids), by_size, (void *)snapshot->sites);
	*ret_n = n;
	return ids;
}
