/* Several snapshots as one, and what each of them contributed to a group. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "model/group.h"
#include "model/translate.h"

/* The ids of one snapshot in the merged one. */
struct id_maps {
	tm_id *strings, *modules, *frames, *tracebacks, *sites;
};

static void free_maps(struct id_maps *maps)
{
	free(maps->strings);
	free(maps->modules);
	free(maps->frames);
	free(maps->tracebacks);
	free(maps->sites);
}

static tm_id mapped(const tm_id *map, tm_id id)
{
	return id == TM_ID_NONE ? TM_ID_NONE : map[id];
}

static tm_id *id_array(size_t n)
{
	return tm_reallocarray(NULL, n ? n : 1, sizeof(tm_id));
}

static void add_names(struct tm_builder *b, const struct tm_snapshot *s,
		      struct id_maps *maps)
{
	maps->strings = id_array(s->nstrings);
	for (size_t i = 0; i < s->nstrings; i++)
		maps->strings[i] = tm_builder_string(b, s->strings[i].bytes,
						     s->strings[i].len);
	maps->modules = id_array(s->nmodules);
	for (size_t i = 0; i < s->nmodules; i++)
		maps->modules[i] = tm_builder_module(b,
			mapped(maps->strings, s->modules[i].path),
			mapped(maps->strings, s->modules[i].build_id));
}

static tm_id add_native(struct tm_builder *b, const struct tm_snapshot *s,
			const struct id_maps *maps, const struct tm_frame *frame)
{
	struct tm_native_frame native = s->natives[frame->native];

	native.function = mapped(maps->strings, native.function);
	native.module = mapped(maps->modules, native.module);
	return tm_builder_native_frame(b, maps->strings[frame->filename],
				       frame->lineno, &native);
}

static void add_frames(struct tm_builder *b, const struct tm_snapshot *s,
		       struct id_maps *maps)
{
	maps->frames = id_array(s->nframes);
	for (size_t i = 0; i < s->nframes; i++) {
		const struct tm_frame *frame = &s->frames[i];

		maps->frames[i] = frame->native != TM_ID_NONE
			? add_native(b, s, maps, frame)
			: tm_builder_function_frame(b,
				maps->strings[frame->filename], frame->lineno,
				mapped(maps->strings, frame->function));
	}
}

static void add_tracebacks(struct tm_builder *b, const struct tm_snapshot *s,
			   struct id_maps *maps)
{
	TM_GUARD(tm_free_ptr) tm_id *ids = NULL;
	size_t cap = 0;

	maps->tracebacks = id_array(s->ntracebacks);
	for (size_t i = 0; i < s->ntracebacks; i++) {
		const struct tm_traceback *t = &s->tracebacks[i];

		ids = tm_grow(ids, &cap, t->nframe, sizeof(*ids));
		for (uint32_t k = 0; k < t->nframe; k++)
			ids[k] = maps->frames[s->frame_ids[t->first + k]];
		maps->tracebacks[i] = tm_builder_traceback(b, ids, t->nframe,
							   t->total_nframe);
	}
}

static void add_rows(struct tm_builder *b, const struct tm_snapshot *s,
		     struct id_maps *maps)
{
	maps->sites = id_array(s->nsites);
	for (size_t i = 0; i < s->nsites; i++)
		maps->sites[i] = tm_builder_aged_site(b,
			maps->tracebacks[s->sites[i].traceback], s->sites[i].domain,
			mapped(maps->strings, s->sites[i].thread), s->sites[i].age);
	for (size_t i = 0; i < s->nrows; i++) {
		struct tm_row row = s->rows[i];

		row.site = maps->sites[row.site];
		tm_builder_rows(b, &row, 1);
	}
}

static void add_snapshot(struct tm_builder *b, const struct tm_snapshot *s)
{
	TM_GUARD(free_maps) struct id_maps maps = { 0 };

	if (tm_snapshot_has_threads(s))
		tm_builder_has_threads(b);
	add_names(b, s, &maps);
	add_frames(b, s, &maps);
	add_tracebacks(b, s, &maps);
	add_rows(b, s, &maps);
}

/* The members of the meta data that hold for all of them. */
static void add_meta(struct tm_meta *meta, const struct tm_meta *more)
{
	meta->pid = 0;
	meta->traced_current += more->traced_current;
	meta->traced_peak += more->traced_peak;
	meta->tracer_memory += more->tracer_memory;
	meta->dropped += more->dropped;
	meta->partial |= more->partial;
	meta->has_total_nframe &= more->has_total_nframe;
	if (more->taken_at > meta->taken_at)
		meta->taken_at = more->taken_at;
	if (more->traceback_limit > meta->traceback_limit)
		meta->traceback_limit = more->traceback_limit;
	if (more->pause_ns > meta->pause_ns)
		meta->pause_ns = more->pause_ns;
	/* No figure is said to be better than it is. */
	if (more->sample_bytes > meta->sample_bytes)
		meta->sample_bytes = more->sample_bytes;
	if (strcmp(meta->runtime, more->runtime) != 0)
		meta->runtime[0] = '\0';
	if (strcmp(meta->command, more->command) != 0)
		meta->command[0] = '\0';
}

struct tm_snapshot *tm_snapshot_merge(const struct tm_snapshot *const *parts,
				      size_t n, struct tm_err *err)
{
	struct tm_builder *b = tm_builder_create();
	struct tm_meta meta = { 0 };

	for (size_t i = 0; i < n; i++) {
		add_snapshot(b, parts[i]);
		if (i == 0)
			meta = parts[i]->meta;
		else
			add_meta(&meta, &parts[i]->meta);
	}
	return tm_builder_finish(b, &meta, err);
}

/* ---- shares ---------------------------------------------------------------- */

/* Of a merged snapshot's group: its place in the statistics, or TM_ID_NONE. */
static tm_id *index_items(const struct tm_stats *stats, size_t nitems,
			  const struct tm_snapshot *merged)
{
	size_t n = group_ids(merged, stats->query.key);
	tm_id *index = id_array(n);

	for (size_t i = 0; i < n; i++)
		index[i] = TM_ID_NONE;
	for (size_t i = 0; i < nitems; i++)
		index[stats->items[i].group] = (tm_id)i;
	return index;
}

static bool add_shares(struct tm_share *shares, size_t stride,
		       const tm_id *index, const struct tm_snapshot *part,
		       const struct tm_snapshot *merged,
		       const struct tm_query *query, struct tm_share *ret_total)
{
	TM_GUARD(groups_free) struct groups groups = { 0 };
	TM_GUARD(translation_free) struct translation tr = { 0 };
	struct tm_err err;

	if (!groups_collect(&groups, part, query, &err))
		return false;
	translation_init(&tr, part, merged);
	for (size_t i = 0; i < groups.n; i++) {
		tm_id group = translate_group(&tr, query->key,
					      groups.items[i].group);

		if (group == TM_ID_NONE || index[group] == TM_ID_NONE)
			continue;
		shares[index[group] * stride].size = groups.items[i].size;
		shares[index[group] * stride].count = groups.items[i].count;
	}
	*ret_total = (struct tm_share){ groups.total_size, groups.total_count };
	return true;
}

struct tm_share *stats_shares(const struct tm_stats *stats, size_t nitems,
			      const struct tm_snapshot *const *parts, size_t n,
			      const struct tm_query *query, struct tm_share *ret_last)
{
	const struct tm_snapshot *merged = nitems ? stats->items[0].snapshot : NULL;
	struct tm_share *shares = tm_calloc(nitems * n + 1, sizeof(*shares));
	TM_GUARD(tm_free_ptr) tm_id *index = NULL;

	*ret_last = (struct tm_share){ 0 };
	if (!merged)
		return shares;
	index = index_items(stats, nitems, merged);
	for (size_t i = 0; i < n; i++)
		if (!add_shares(shares + i, n, index, parts[i], merged, query, ret_last))
			break;
	return shares;
}

struct tm_share *tm_stats_shares(const struct tm_stats *stats, size_t nitems,
				 const struct tm_snapshot *const *parts,
				 size_t n, const struct tm_query *query)
{
	struct tm_share last;

	return stats_shares(stats, nitems, parts, n, query, &last);
}
