#include "model/group.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "model/filter.h"
#include "model/frame.h"
#include "model/tables.h"

void groups_free(struct groups *groups)
{
	free(groups->items);
	free(groups->index);
	*groups = (struct groups){ 0 };
}

size_t group_ids(const struct tm_snapshot *snapshot, enum tm_key key)
{
	switch (key) {
	case TM_KEY_FILENAME:
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
	return group_of_frame(snapshot, key, acting_frame(acting, site->traceback));
}

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
static bool add(struct groups *groups, tm_id group, const struct tm_site *site)
{
	struct tm_stat *item = group_item(groups, group);

	item->size += site->size; /* two summands up to 2^63 - 1: no wrap */
	item->count += site->count;
	return item->size <= INT64_MAX && item->count <= INT64_MAX;
}

/* Has a more recent native frame of the traceback counted for this group? */
static bool counted(const struct tm_snapshot *s, enum tm_key key,
		    const tm_id *frames, uint32_t i, uint32_t n)
{
	const tm_id group = group_of_frame(s, key, frames[i]);

	if (s->frames[frames[i]].native == TM_ID_NONE)
		return false;
	while (++i < n)
		if (group_of_frame(s, key, frames[i]) == group)
			return true;
	return false;
}

/* Every occurrence of a Python frame counts, as often as recursion repeats it: so
 * does tracemalloc. A native one counts once. */
static bool add_frames(struct groups *groups, const struct tm_snapshot *s,
		       enum tm_key key, const struct tm_site *site)
{
	const tm_id *frames = traceback_frames(s, site->traceback);
	uint32_t n = s->tracebacks[site->traceback].nframe;

	for (uint32_t i = 0; i < n; i++)
		if (!counted(s, key, frames, i, n) &&
		    !add(groups, group_of_frame(s, key, frames[i]), site))
			return false;
	return true;
}

static bool add_site(struct groups *groups, struct acting *acting,
		     const struct tm_query *query, const struct tm_site *site)
{
	groups->total_size += site->size;
	groups->total_count += site->count;
	if (query->cumulative)
		return add_frames(groups, acting->snapshot, query->key, site);
	return add(groups, group_of_site(acting, query->key, site), site);
}

bool groups_collect(struct groups *groups, const struct tm_snapshot *snapshot,
		    const struct tm_query *query, struct tm_err *err)
{
	TM_GUARD(filter_set_free) struct filter_set filters;
	TM_GUARD(acting_free) struct acting acting;
	size_t nids = group_ids(snapshot, query->key);

	*groups = (struct groups){
		.index = tm_reallocarray(NULL, nids, sizeof(*groups->index)),
		.nindex = nids,
	};
	memset(groups->index, 0xff, nids * sizeof(*groups->index));
	acting_init(&acting, snapshot, &query->skip);
	filter_set_init(&filters, snapshot, query);
	for (tm_id id = 0; id < snapshot->nsites; id++) {
		const struct tm_site *site = &snapshot->sites[id];

		if (!site->count || !filter_set_passes(&filters, id))
			continue;
		if (!add_site(groups, &acting, query, site)) {
			groups_free(groups);
			return tm_err_set(err, TM_ERR_LIMIT, "snapshot",
					  "cumulative sizes beyond 2^63 - 1");
		}
	}
	for (size_t i = 0; i < groups->n; i++) {
		groups->items[i].snapshot = snapshot;
		groups->items[i].key = query->key;
	}
	return true;
}
