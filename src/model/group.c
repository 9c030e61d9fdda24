#include "model/group.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "model/filter.h"
#include "model/frame.h"
#include "model/tables.h"
#include "model/threads.h"

void groups_free(struct groups *groups)
{
	free(groups->items);
	free(groups->index);
	*groups = (struct groups){ 0 };
}

size_t group_ids(const struct tm_snapshot *snapshot, enum tm_key key)
{
	switch (key) {
	case TM_KEY_FILENAME: case TM_KEY_THREAD:
		return snapshot->nstrings;
	case TM_KEY_LINENO: case TM_KEY_FUNCTION:
		return snapshot->nframes;
	case TM_KEY_TRACEBACK:
		break;
	}
	return snapshot->ntracebacks;
}

tm_id group_of_frame(const struct tm_snapshot *snapshot, enum tm_key key,
		     tm_id frame)
{
	if (key == TM_KEY_FILENAME)
		return frame_filename(snapshot, frame);
	if (key == TM_KEY_FUNCTION)
		return tables_of(snapshot)->functions[frame];
	return tables_of(snapshot)->places[frame];
}

tm_id group_of_site(struct acting *acting, enum tm_key key, const struct tm_site *site)
{
	const struct tm_snapshot *snapshot = acting->snapshot;

	if (key == TM_KEY_TRACEBACK)
		return snapshot->tracebacks[site->traceback].same_frames;
	if (key == TM_KEY_THREAD)
		return site->thread;
	return group_of_frame(snapshot, key, acting_frame(acting, site->traceback));
}

/* ---- who counts where ------------------------------------------------------- */

/*
 * How often each group occurs in the traceback, into walk->times. Every occurrence of a
 * Python frame counts, as often as recursion repeats it: so does tracemalloc. A native
 * one counts once.
 */
static void count_frames(struct group_walk *walk, const tm_id *frames, uint32_t n)
{
	for (uint32_t i = n; i-- > 0;) {
		uint32_t *times = &walk->times[group_of_frame(walk->snapshot,
							       walk->query->key, frames[i])];

		if (!*times || walk->snapshot->frames[frames[i]].native == TM_ID_NONE)
			++*times;
	}
}

static bool visit_frames(struct group_walk *walk, tm_id site)
{
	const struct tm_snapshot *s = walk->snapshot;
	tm_id traceback = s->sites[site].traceback;
	const tm_id *frames = traceback_frames(s, traceback);
	uint32_t n = s->tracebacks[traceback].nframe;
	bool ok = true;

	count_frames(walk, frames, n);
	for (uint32_t i = 0; i < n; i++) {
		tm_id group = group_of_frame(s, walk->query->key, frames[i]);
		uint32_t times = walk->times[group];

		walk->times[group] = 0;
		if (times)
			ok = ok && walk->visit(walk->ctx, site, group, times);
	}
	return ok;
}

bool groups_walk(struct group_walk *walk)
{
	TM_GUARD(filter_set_free) struct filter_set filters;
	const struct tm_snapshot *s = walk->snapshot;
	const struct tm_query *query = walk->query;
	bool ok = true;

	filter_set_init(&filters, s, query);
	if (query->cumulative)
		walk->times = tm_calloc(group_ids(s, query->key), sizeof(*walk->times));
	for (tm_id id = 0; id < s->nsites && ok; id++) {
		const struct tm_site *site = &s->sites[id];

		if (!site->count || !filter_set_passes(&filters, id))
			continue;
		walk->total_size += site->size;
		walk->total_count += site->count;
		ok = query->cumulative ? visit_frames(walk, id) :
		     walk->visit(walk->ctx, id,
				 group_of_site(&filters.acting, query->key, site), 1);
	}
	free(walk->times);
	walk->times = NULL;
	return ok;
}

/* ---- their sums -------------------------------------------------------------- */

struct collecting {
	struct groups *groups;
	const struct tm_snapshot *snapshot;
};

static struct tm_stat *group_item(struct groups *groups, tm_id group)
{
	tm_id at = groups->index[group];

	if (at != TM_ID_NONE)
		return &groups->items[at];
	groups->items = tm_grow(groups->items, &groups->cap, groups->n + 1,
				sizeof(*groups->items));
	groups->index[group] = (tm_id)groups->n;
	groups->items[groups->n] = (struct tm_stat){ .group = group };
	return &groups->items[groups->n++];
}

/* False if the sum is beyond what a difference can hold. */
static bool add_times(uint64_t *sum, uint64_t figure, uint32_t times)
{
	return !__builtin_mul_overflow(figure, times, &figure) &&
	       !__builtin_add_overflow(*sum, figure, sum) && *sum <= INT64_MAX;
}

static bool add_site(void *ctx, tm_id site, tm_id group, uint32_t times)
{
	const struct collecting *to = ctx;
	const struct tm_site *from = &to->snapshot->sites[site];
	struct tm_stat *item = group_item(to->groups, group);

	return add_times(&item->size, from->size, times) &&
	       add_times(&item->count, from->count, times);
}

bool groups_collect(struct groups *groups, const struct tm_snapshot *snapshot,
		    const struct tm_query *query, struct tm_err *err)
{
	struct collecting to = { groups, snapshot };
	struct group_walk walk = {
		.snapshot = snapshot, .query = query, .visit = add_site, .ctx = &to,
	};
	size_t nids = group_ids(snapshot, query->key);

	*groups = (struct groups){ 0 };
	if (query->key == TM_KEY_THREAD && !threads_told(snapshot, err))
		return false;
	*groups = (struct groups){
		.index = tm_reallocarray(NULL, nids, sizeof(*groups->index)),
	};
	memset(groups->index, 0xff, nids * sizeof(*groups->index));
	if (!groups_walk(&walk)) {
		groups_free(groups);
		return tm_err_set(err, TM_ERR_LIMIT, "snapshot",
				  "cumulative sizes beyond 2^63 - 1");
	}
	groups->total_size = walk.total_size;
	groups->total_count = walk.total_count;
	for (size_t i = 0; i < groups->n; i++) {
		groups->items[i].snapshot = snapshot;
		groups->items[i].key = query->key;
	}
	return true;
}
