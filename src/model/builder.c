/*
 * The builder: checks what comes in, then hands it to the tables. The first
 * broken rule is remembered; the calls that follow do no harm.
 */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/utf8.h"
#include "model/tables.h"

struct tm_builder {
	struct tables tables;
	unsigned __int128 total_size; /* cannot overflow: 2^96 per row */
	uint64_t total_count;
	struct tm_err err;
};

struct tm_builder *tm_builder_create(void)
{
	return tm_calloc(1, sizeof(struct tm_builder));
}

void tm_builder_destroy(struct tm_builder *b)
{
	if (!b)
		return;
	tables_free(&b->tables);
	free(b);
}

/* Remember that `what` number `id` was named although only n exist. */
static tm_id unknown_id(struct tm_builder *b, const char *what, tm_id id,
			size_t n)
{
	if (b->err.kind == TM_ERR_NONE)
		tm_err_set(&b->err, TM_ERR_CORRUPT, "snapshot",
			   "%s %u is named, but there are only %zu", what, id,
			   n);
	return TM_ID_NONE;
}

static tm_id broken(struct tm_builder *b, enum tm_err_kind kind,
		    const char *cause)
{
	if (b->err.kind == TM_ERR_NONE)
		tm_err_set(&b->err, kind, "snapshot", "%s", cause);
	return TM_ID_NONE;
}

/* Ids are 32 bits wide; the last is TM_ID_NONE, the one before is spare. */
static bool full(struct tm_builder *b, size_t n, const char *cause)
{
	if (n < TM_ID_NONE - 1)
		return false;
	broken(b, TM_ERR_LIMIT, cause);
	return true;
}

tm_id tm_builder_string(struct tm_builder *b, const char *bytes, size_t len)
{
	TM_GUARD(tm_buf_free) struct tm_buf valid = { 0 };
	struct tm_text text = { bytes, len };

	if (full(b, b->tables.nstrings, "more than 2^32 - 2 different names"))
		return TM_ID_NONE;
	/* Paths and symbols are any bytes; what reads files again accepts none
	 * that are not UTF-8. */
	if (!tm_utf8_is_text(bytes, len)) {
		tm_utf8_add_repaired(&valid, bytes, len);
		text = (struct tm_text){ valid.data, valid.len };
	}
	return tables_text(&b->tables, text);
}

tm_id tm_builder_module(struct tm_builder *b, tm_id path, tm_id build_id)
{
	struct tables *t = &b->tables;

	if (path >= t->nstrings)
		return unknown_id(b, "string", path, t->nstrings);
	if (build_id != TM_ID_NONE && build_id >= t->nstrings)
		return unknown_id(b, "string", build_id, t->nstrings);
	if (full(b, t->nmodules, "more than 2^32 - 2 modules"))
		return TM_ID_NONE;
	return tables_module(t, (struct tm_module){ path, build_id });
}

tm_id tm_builder_frame(struct tm_builder *b, tm_id filename, uint32_t lineno)
{
	return tm_builder_function_frame(b, filename, lineno, TM_ID_NONE);
}

tm_id tm_builder_function_frame(struct tm_builder *b, tm_id filename, uint32_t lineno,
				tm_id function)
{
	struct tables *t = &b->tables;

	if (filename >= t->nstrings)
		return unknown_id(b, "string", filename, t->nstrings);
	if (function != TM_ID_NONE && function >= t->nstrings)
		return unknown_id(b, "string", function, t->nstrings);
	if (full(b, t->nframes, "more than 2^32 - 2 different frames"))
		return TM_ID_NONE;
	return tables_function_frame(t, filename, lineno, function);
}

tm_id tm_builder_native_frame(struct tm_builder *b, tm_id filename,
			      uint32_t lineno,
			      const struct tm_native_frame *native)
{
	struct tables *t = &b->tables;

	if (filename >= t->nstrings)
		return unknown_id(b, "string", filename, t->nstrings);
	if (native->function != TM_ID_NONE && native->function >= t->nstrings)
		return unknown_id(b, "string", native->function, t->nstrings);
	if (native->module != TM_ID_NONE && native->module >= t->nmodules)
		return unknown_id(b, "module", native->module, t->nmodules);
	if (full(b, t->nframes, "more than 2^32 - 2 different frames"))
		return TM_ID_NONE;
	return tables_native_frame(t, filename, lineno, native);
}

tm_id tm_builder_traceback(struct tm_builder *b, const tm_id *frames,
			   uint32_t nframe, uint32_t total_nframe)
{
	struct tables *t = &b->tables;

	if (!nframe)
		return broken(b, TM_ERR_CORRUPT, "a traceback without frames");
	for (uint32_t i = 0; i < nframe; i++)
		if (frames[i] >= t->nframes)
			return unknown_id(b, "frame", frames[i], t->nframes);
	if (full(b, t->ntracebacks, "more than 2^32 - 2 different tracebacks"))
		return TM_ID_NONE;
	return tables_traceback(t, frames, nframe, total_nframe);
}

tm_id tm_builder_site(struct tm_builder *b, tm_id traceback, uint32_t domain)
{
	return tm_builder_thread_site(b, traceback, domain, TM_ID_NONE);
}

tm_id tm_builder_thread_site(struct tm_builder *b, tm_id traceback, uint32_t domain,
			     tm_id thread)
{
	return tm_builder_aged_site(b, traceback, domain, thread, TM_AGE_NONE);
}

tm_id tm_builder_aged_site(struct tm_builder *b, tm_id traceback, uint32_t domain,
			   tm_id thread, uint32_t age)
{
	struct tables *t = &b->tables;

	if (thread != TM_ID_NONE && thread >= t->nstrings)
		return unknown_id(b, "string", thread, t->nstrings);
	if (traceback >= t->ntracebacks)
		return unknown_id(b, "traceback", traceback, t->ntracebacks);
	if (full(b, t->nsites, "more than 2^32 - 2 tracebacks and domains"))
		return TM_ID_NONE;
	return tables_site(t, traceback, domain, thread, age);
}

void tm_builder_has_threads(struct tm_builder *b)
{
	b->tables.threaded = true;
}

void tm_builder_traces(struct tm_builder *b, tm_id site, uint64_t size,
		       uint32_t count)
{
	struct tm_row row = { .size = size, .site = site, .count = count };

	tm_builder_rows(b, &row, 1);
}

/*
 * Millions of rows pass here: the sums of the sites may wrap, because then
 * the total, which cannot, is out of bounds and finish() fails.
 */
void tm_builder_rows(struct tm_builder *b, const struct tm_row *rows, size_t n)
{
	struct tables *t = &b->tables;
	struct tm_site *sites = t->sites;
	size_t nsites = t->nsites;
	unsigned __int128 total_size = b->total_size;
	uint64_t total_count = b->total_count;
	struct tm_row *out;

	t->rows = tm_grow(t->rows, &t->rows_cap, t->nrows + n, sizeof(*rows));
	out = t->rows + t->nrows;
	for (size_t i = 0; i < n; i++) {
		struct tm_row row = rows[i];

		if (__builtin_expect(row.site >= nsites, 0)) {
			unknown_id(b, "site", row.site, nsites);
			continue;
		}
		if (__builtin_expect(!row.count, 0)) {
			broken(b, TM_ERR_CORRUPT, "a row of no traces");
			continue;
		}
		sites[row.site].size += row.size * row.count;
		sites[row.site].count += row.count;
		total_size += (unsigned __int128)row.size * row.count;
		total_count += row.count;
		*out++ = row;
	}
	t->nrows = (size_t)(out - t->rows);
	b->total_size = total_size;
	b->total_count = total_count;
}

static void publish(struct tm_snapshot *pub, const struct tables *t)
{
	pub->strings = t->strings;
	pub->nstrings = t->nstrings;
	pub->frames = t->frames;
	pub->nframes = t->nframes;
	pub->frame_ids = t->frame_ids;
	pub->nframe_ids = t->nframe_ids;
	pub->tracebacks = t->tracebacks;
	pub->ntracebacks = t->ntracebacks;
	pub->natives = t->natives;
	pub->nnatives = t->nnatives;
	pub->modules = t->modules;
	pub->nmodules = t->nmodules;
	pub->sites = t->sites;
	pub->nsites = t->nsites;
	pub->rows = t->rows;
	pub->nrows = t->nrows;
}

/* Where some sites have a thread, those without one get the thread "<unknown>". */
static void name_threads(struct tables *t)
{
	static const char name[] = "<unknown>";

	if (!t->threaded || t->nstrings >= TM_ID_NONE - 1)
		return;
	for (size_t i = 0; i < t->nsites; i++)
		if (t->sites[i].thread == TM_ID_NONE)
			t->sites[i].thread = tables_text(
				t, (struct tm_text){ name, sizeof(name) - 1 });
}

struct tm_snapshot *tm_builder_finish(struct tm_builder *b,
				      const struct tm_meta *meta,
				      struct tm_err *err)
{
	struct model_snapshot *snapshot;

	if (b->total_size > INT64_MAX || b->total_count > INT64_MAX)
		broken(b, TM_ERR_LIMIT, "the traces add up to more than 2^63 - 1");
	if (b->err.kind != TM_ERR_NONE) {
		*err = b->err;
		tm_builder_destroy(b);
		return NULL;
	}
	name_threads(&b->tables);
	snapshot = tm_calloc(1, sizeof(*snapshot));
	snapshot->tables = b->tables;
	snapshot->pub.meta = *meta;
	snapshot->pub.total_size = (uint64_t)b->total_size;
	snapshot->pub.total_count = b->total_count;
	publish(&snapshot->pub, &snapshot->tables);
	free(b);
	return &snapshot->pub;
}

void tm_snapshot_destroy(struct tm_snapshot *snapshot)
{
	struct model_snapshot *model = (struct model_snapshot *)snapshot;

	if (!model)
		return;
	tables_free(&model->tables);
	free(model);
}
