#include "model/copy.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "model/frame.h"
#include "model/rename.h"
#include "model/threads.h"

static tm_id *no_ids(size_t n)
{
	tm_id *ids = tm_reallocarray(NULL, n, sizeof(*ids));

	memset(ids, 0xff, n * sizeof(*ids));
	return ids;
}

void snapshot_copy_begin(struct snapshot_copy *copy, const struct tm_snapshot *from,
			 const struct tm_mapping *mappings, size_t nmappings)
{
	*copy = (struct snapshot_copy){
		.from = from,
		.to = tm_builder_create(),
		.mappings = mappings,
		.nmappings = nmappings,
		.sizes = { 0, UINT64_MAX },
		.strings = no_ids(from->nstrings),
		.paths = no_ids(from->nstrings),
		.frames = no_ids(from->nframes),
		.sites = no_ids(from->nsites),
	};
	if (tm_snapshot_has_threads(from))
		tm_builder_has_threads(copy->to);
}

static tm_id copy_string(struct snapshot_copy *copy, tm_id id)
{
	struct tm_text text;

	if (id == TM_ID_NONE)
		return id;
	text = copy->from->strings[id];
	if (copy->strings[id] == TM_ID_NONE)
		copy->strings[id] =
			tm_builder_string(copy->to, text.bytes, text.len);
	return copy->strings[id];
}

/* The name of a file, by the first mapping that it is below. */
static tm_id copy_path(struct snapshot_copy *copy, tm_id id)
{
	TM_GUARD(tm_buf_free) struct tm_buf renamed = { 0 };
	struct tm_text text;

	if (id == TM_ID_NONE || copy->nmappings == 0)
		return copy_string(copy, id);
	if (copy->paths[id] != TM_ID_NONE)
		return copy->paths[id];
	text = copy->from->strings[id];
	if (tm_rename(copy->mappings, copy->nmappings, text, &renamed))
		text = (struct tm_text){ renamed.data, renamed.len };
	copy->paths[id] = tm_builder_string(copy->to, text.bytes, text.len);
	return copy->paths[id];
}

static tm_id copy_native(struct snapshot_copy *copy, const struct tm_frame *frame)
{
	struct tm_native_frame native = copy->from->natives[frame->native];

	native.function = copy_string(copy, native.function);
	if (native.module != TM_ID_NONE) {
		const struct tm_module *module =
			&copy->from->modules[native.module];

		native.module = tm_builder_module(
			copy->to, copy_path(copy, module->path),
			copy_string(copy, module->build_id));
	}
	return tm_builder_native_frame(copy->to,
				       copy_path(copy, frame->filename),
				       frame->lineno, &native);
}

static tm_id copy_frame(struct snapshot_copy *copy, tm_id id)
{
	const struct tm_frame *frame = &copy->from->frames[id];

	if (copy->frames[id] != TM_ID_NONE)
		return copy->frames[id];
	if (frame->native != TM_ID_NONE)
		copy->frames[id] = copy_native(copy, frame);
	else
		copy->frames[id] = tm_builder_function_frame(
			copy->to, copy_path(copy, frame->filename),
			frame->lineno, copy_string(copy, frame->function));
	return copy->frames[id];
}

/* Its thread as a frame. */
static tm_id thread_frame(struct snapshot_copy *copy, const struct tm_site *site)
{
	const struct tm_native_frame thread = {
		.function = copy_string(copy, site->thread), .module = TM_ID_NONE,
	};

	return tm_builder_native_frame(copy->to, tm_builder_string(copy->to, "", 0), 0, &thread);
}

void snapshot_copy_site(struct snapshot_copy *copy, tm_id id)
{
	const struct tm_site *site = &copy->from->sites[id];
	const struct tm_traceback *tb =
		&copy->from->tracebacks[site->traceback];
	const tm_id *frames = traceback_frames(copy->from, site->traceback);
	TM_GUARD(tm_free_ptr) tm_id *ids =
		tm_reallocarray(NULL, tb->nframe + 1u, sizeof(*ids));
	uint32_t n = 0;

	if (copy->under_threads)
		ids[n++] = thread_frame(copy, site);
	for (uint32_t i = 0; i < tb->nframe; i++)
		ids[n++] = copy_frame(copy, frames[i]);
	copy->sites[id] = tm_builder_aged_site(
		copy->to, tm_builder_traceback(copy->to, ids, n, tb->total_nframe),
		site->domain, copy_string(copy, site->thread),
		copy->no_ages ? TM_AGE_NONE : site->age);
}

static bool is_within(struct tm_sizes sizes, const struct tm_row *row)
{
	return row->size >= sizes.min && row->size <= sizes.max;
}

static void copy_rows(struct snapshot_copy *copy)
{
	enum { BATCH = 1024 };
	struct tm_row rows[BATCH];
	size_t n = 0;

	for (size_t i = 0; i < copy->from->nrows; i++) {
		rows[n] = copy->from->rows[i];
		rows[n].site = copy->sites[rows[n].site];
		if (rows[n].site != TM_ID_NONE && is_within(copy->sizes, &rows[n]))
			n++;
		if (n == BATCH) {
			tm_builder_rows(copy->to, rows, n);
			n = 0;
		}
	}
	tm_builder_rows(copy->to, rows, n);
}

struct tm_snapshot *snapshot_copy_finish(struct snapshot_copy *copy)
{
	struct tm_snapshot *finished;
	struct tm_err err;

	copy_rows(copy);
	free(copy->strings);
	free(copy->paths);
	free(copy->frames);
	free(copy->sites);
	finished = tm_builder_finish(copy->to, &copy->from->meta, &err);
	if (!finished)
		abort(); /* a part of what kept every rule breaks none */
	return finished;
}

struct tm_snapshot *tm_snapshot_rename(const struct tm_snapshot *snapshot,
				       const struct tm_mapping *mappings, size_t n)
{
	struct snapshot_copy copy;

	snapshot_copy_begin(&copy, snapshot, mappings, n);
	for (tm_id id = 0; id < snapshot->nsites; id++)
		if (snapshot->sites[id].count)
			snapshot_copy_site(&copy, id);
	return snapshot_copy_finish(&copy);
}

struct tm_snapshot *tm_snapshot_of_sizes(const struct tm_snapshot *snapshot,
					 struct tm_sizes sizes)
{
	struct snapshot_copy copy;

	snapshot_copy_begin(&copy, snapshot, NULL, 0);
	copy.sizes = sizes;
	for (size_t i = 0; i < snapshot->nrows; i++) {
		const struct tm_row *row = &snapshot->rows[i];

		if (is_within(sizes, row) && copy.sites[row->site] == TM_ID_NONE)
			snapshot_copy_site(&copy, row->site);
	}
	return snapshot_copy_finish(&copy);
}

struct tm_snapshot *tm_snapshot_under_threads(const struct tm_snapshot *snapshot,
					      struct tm_err *err)
{
	struct snapshot_copy copy;

	if (!threads_told(snapshot, err))
		return NULL;
	snapshot_copy_begin(&copy, snapshot, NULL, 0);
	copy.under_threads = true;
	for (tm_id id = 0; id < snapshot->nsites; id++)
		if (snapshot->sites[id].count)
			snapshot_copy_site(&copy, id);
	return snapshot_copy_finish(&copy);
}
