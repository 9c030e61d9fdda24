#include "snap.h"

#include "xalloc.h"

static struct snap *snap_wrap(const struct tm_snapshot *snapshot,
			      struct tm_snapshot *owned)
{
	struct snap *snap = xcalloc(1, sizeof(*snap));

	atomic_init(&snap->refs, 1);
	snap->snapshot = snapshot;
	snap->owned = owned;
	return snap;
}

struct snap *snap_create(struct tm_snapshot *snapshot)
{
	return snap_wrap(snapshot, snapshot);
}

struct snap *snap_borrow(const struct tm_snapshot *snapshot)
{
	return snap_wrap(snapshot, NULL);
}

struct snap *snap_get(struct snap *snap)
{
	if (snap)
		atomic_fetch_add(&snap->refs, 1);
	return snap;
}

void snap_put(struct snap *snap)
{
	if (!snap || atomic_fetch_sub(&snap->refs, 1) != 1)
		return;
	tm_snapshot_destroy(snap->owned);
	free(snap);
}

/* The ids of one source in the merged snapshot. */
struct id_maps {
	tm_id *strings, *modules, *frames, *tracebacks, *sites;
};

static tm_id mapped(const tm_id *map, tm_id id)
{
	return id == TM_ID_NONE ? TM_ID_NONE : map[id];
}

static tm_id *id_array(size_t n)
{
	return xcalloc(n, sizeof(tm_id));
}

static void merge_names(struct tm_builder *b, const struct tm_snapshot *s,
			struct id_maps *maps)
{
	maps->strings = id_array(s->nstrings);
	for (size_t i = 0; i < s->nstrings; i++)
		maps->strings[i] = tm_builder_string(b, s->strings[i].bytes,
						     s->strings[i].len);
	maps->modules = id_array(s->nmodules);
	for (size_t i = 0; i < s->nmodules; i++)
		maps->modules[i] = tm_builder_module(
			b, mapped(maps->strings, s->modules[i].path),
			mapped(maps->strings, s->modules[i].build_id));
}

static void merge_frames(struct tm_builder *b, const struct tm_snapshot *s,
			 struct id_maps *maps)
{
	maps->frames = id_array(s->nframes);
	for (size_t i = 0; i < s->nframes; i++) {
		const struct tm_frame *frame = &s->frames[i];
		tm_id filename = maps->strings[frame->filename];
		struct tm_native_frame native;

		if (frame->native == TM_ID_NONE) {
			maps->frames[i] = tm_builder_frame(b, filename,
							   frame->lineno);
			continue;
		}
		native = s->natives[frame->native];
		native.function = mapped(maps->strings, native.function);
		native.module = mapped(maps->modules, native.module);
		maps->frames[i] = tm_builder_native_frame(
			b, filename, frame->lineno, &native);
	}
}

static void merge_tracebacks(struct tm_builder *b, const struct tm_snapshot *s,
			     struct id_maps *maps)
{
	tm_id *ids = NULL;

	maps->tracebacks = id_array(s->ntracebacks);
	for (size_t i = 0; i < s->ntracebacks; i++) {
		const struct tm_traceback *t = &s->tracebacks[i];

		ids = xreallocarray(ids, t->nframe, sizeof(*ids));
		for (uint32_t k = 0; k < t->nframe; k++)
			ids[k] = maps->frames[s->frame_ids[t->first + k]];
		maps->tracebacks[i] = tm_builder_traceback(b, ids, t->nframe,
							   t->total_nframe);
	}
	free(ids);
}

static void merge_rows(struct tm_builder *b, const struct tm_snapshot *s,
		       struct id_maps *maps)
{
	struct tm_row *rows = xcalloc(s->nrows, sizeof(*rows));

	maps->sites = id_array(s->nsites);
	for (size_t i = 0; i < s->nsites; i++)
		maps->sites[i] = tm_builder_site(
			b, maps->tracebacks[s->sites[i].traceback],
			s->sites[i].domain);
	for (size_t i = 0; i < s->nrows; i++) {
		rows[i] = s->rows[i];
		rows[i].site = maps->sites[rows[i].site];
	}
	tm_builder_rows(b, rows, s->nrows);
	free(rows);
}

static void merge_one(struct tm_builder *b, const struct tm_snapshot *s)
{
	struct id_maps maps = { 0 };

	merge_names(b, s, &maps);
	merge_frames(b, s, &maps);
	merge_tracebacks(b, s, &maps);
	merge_rows(b, s, &maps);
	free(maps.strings);
	free(maps.modules);
	free(maps.frames);
	free(maps.tracebacks);
	free(maps.sites);
}

/* What can be said of all together. */
static void merge_meta(struct tm_meta *meta, const struct tm_meta *more)
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
	if (strcmp(meta->runtime, more->runtime) != 0)
		meta->runtime[0] = '\0';
	if (strcmp(meta->command, more->command) != 0)
		meta->command[0] = '\0';
}

struct snap *snap_merge(struct snap *const *snaps, size_t n, struct tm_err *err)
{
	struct snap *first = NULL;
	struct tm_builder *b;
	struct tm_snapshot *merged;
	struct tm_meta meta;
	size_t present = 0;

	for (size_t i = 0; i < n; i++)
		if (snaps[i] && present++ == 0)
			first = snaps[i];
	if (present == 0) {
		tm_err_set(err, TM_ERR_USAGE, "snapshot", "nothing was read yet");
		return NULL;
	}
	if (present == 1)
		return snap_get(first);
	b = tm_builder_create();
	meta = first->snapshot->meta;
	for (size_t i = 0; i < n; i++) {
		if (!snaps[i])
			continue;
		merge_one(b, snaps[i]->snapshot);
		if (snaps[i] != first)
			merge_meta(&meta, &snaps[i]->snapshot->meta);
	}
	merged = tm_builder_finish(b, &meta, err);
	return merged ? snap_create(merged) : NULL;
}
