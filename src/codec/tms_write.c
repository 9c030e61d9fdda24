#include <string.h>

#include "codec/canon.h"
#include "codec/codec.h"
#include "codec/formats.h"
#include "codec/tms_meta.h"

static void put_names(struct tms_out *out, const struct canon *canon)
{
	const struct tm_snapshot *s = canon->snapshot;

	for (size_t i = 0; i < canon->strings.n; i++) {
		struct tm_text text = s->strings[canon->strings.id[i]];

		if (text.len > CODEC_MAX_STRING && !out->failed)
			out->failed = !tm_err_set(out->err, TM_ERR_LIMIT, NULL,
				"a name of %zu bytes is too long", text.len);
		if (out->failed)
			return;
		tms_put(out, text.len);
		tm_buf_add(&out->chunk, text.bytes, text.len);
		tms_flush_if_full(out, TMS_STRINGS);
	}
	tms_flush(out, TMS_STRINGS);
	for (size_t i = 0; i < canon->modules.n; i++) {
		const struct tm_module *m = &s->modules[canon->modules.id[i]];

		tms_put(out, canon->strings.rank[m->path]);
		tms_put(out, canon_rank1(&canon->strings, m->build_id));
		tms_flush_if_full(out, TMS_MODULES);
	}
	tms_flush(out, TMS_MODULES);
}

/* None where none is known: as it was before there were any. */
static void put_functions(struct tms_out *out, const struct canon *canon)
{
	const struct tm_snapshot *s = canon->snapshot;
	size_t n = 0;

	for (size_t i = 0; i < canon->frames.n; i++)
		if (s->frames[canon->frames.id[i]].function != TM_ID_NONE)
			n = i + 1;
	for (size_t i = 0; i < n; i++) {
		tms_put(out, canon_rank1(&canon->strings,
					 s->frames[canon->frames.id[i]].function));
		tms_flush_if_full(out, TMS_FUNCTIONS);
	}
	if (n)
		tms_flush(out, TMS_FUNCTIONS);
}

static void put_frames(struct tms_out *out, const struct canon *canon)
{
	const struct tm_snapshot *s = canon->snapshot;

	for (size_t i = 0; i < canon->frames.n; i++) {
		const struct tm_frame *f = &s->frames[canon->frames.id[i]];
		const struct tm_native_frame *native = NULL;
		uint64_t name = canon->strings.rank[f->filename];

		if (f->native != TM_ID_NONE)
			native = &s->natives[f->native];
		tms_put(out, name << 1 | (native != NULL));
		tms_put(out, f->lineno);
		if (native) {
			tms_put(out, canon_rank1(&canon->strings, native->function));
			tms_put(out, canon_rank1(&canon->modules, native->module));
			tms_put(out, native->address);
			tms_put(out, native->inlined);
		}
		tms_flush_if_full(out, TMS_FRAMES);
	}
	tms_flush(out, TMS_FRAMES);
}

/* The same of sites. */
static void put_threads(struct tms_out *out, const struct canon *canon)
{
	const struct tm_snapshot *s = canon->snapshot;

	if (!tm_snapshot_has_threads(s))
		return;
	for (size_t i = 0; i < canon->sites.n; i++) {
		tms_put(out, canon_rank1(&canon->strings,
					 s->sites[canon->sites.id[i]].thread));
		tms_flush_if_full(out, TMS_THREADS);
	}
	/* Of no sites, too: that they would tell them. */
	tms_flush(out, TMS_THREADS);
}

static void put_ages(struct tms_out *out, const struct canon *canon)
{
	const struct tm_snapshot *s = canon->snapshot;

	if (!tm_snapshot_has_ages(s))
		return;
	for (size_t i = 0; i < canon->sites.n; i++) {
		const uint32_t age = s->sites[canon->sites.id[i]].age;

		tms_put(out, age == TM_AGE_NONE ? 0 : (uint64_t)age + 1);
		tms_flush_if_full(out, TMS_AGES);
	}
	tms_flush(out, TMS_AGES);
}

static void put_tracebacks(struct tms_out *out, const struct canon *canon)
{
	const struct tm_snapshot *s = canon->snapshot;

	for (size_t i = 0; i < canon->tracebacks.n; i++) {
		const struct tm_traceback *t =
			&s->tracebacks[canon->tracebacks.id[i]];

		tms_put(out, t->nframe);
		tms_put(out, t->total_nframe == TM_TOTAL_NFRAME_NONE ? 0 :
			 (uint64_t)t->total_nframe + 1);
		for (uint32_t k = 0; k < t->nframe; k++)
			tms_put(out, canon->frames.rank[s->frame_ids[t->first + k]]);
		tms_flush_if_full(out, TMS_TRACEBACKS);
	}
	tms_flush(out, TMS_TRACEBACKS);
	put_threads(out, canon);
	put_ages(out, canon);
	for (size_t i = 0; i < canon->sites.n; i++) {
		const struct tm_site *site = &s->sites[canon->sites.id[i]];

		tms_put(out, canon->tracebacks.rank[site->traceback]);
		tms_put(out, site->domain);
		tms_flush_if_full(out, TMS_SITES);
	}
	tms_flush(out, TMS_SITES);
}

static void put_row_chunk(struct tms_out *out, const struct tm_row *rows,
			  size_t n)
{
	tms_put(out, n);
	for (size_t i = 0; i < n; i++)
		tms_put(out, rows[i].site - (i ? rows[i - 1].site : 0));
	for (size_t i = 0; i < n; i++) {
		bool same = i && rows[i - 1].site == rows[i].site;

		tms_put(out, rows[i].size - (same ? rows[i - 1].size : 0));
	}
	for (size_t i = 0; i < n; i++)
		tms_put(out, rows[i].count - 1);
	tms_flush(out, TMS_ROWS);
}

static void put_rows(struct tms_out *out, const struct canon *canon)
{
	for (size_t i = 0; i < canon->nrows && !out->failed;) {
		size_t n = canon->nrows - i;

		if (n > TMS_ROWS_PER_CHUNK)
			n = TMS_ROWS_PER_CHUNK;
		put_row_chunk(out, canon->rows + i, n);
		canon_tell(canon, i, canon->nrows);
		i += n;
	}
}

static void put_end(struct tms_out *out, const struct tm_snapshot *s)
{
	tms_put(out, s->nstrings);
	tms_put(out, s->nmodules);
	tms_put(out, s->nframes);
	tms_put(out, s->ntracebacks);
	tms_put(out, s->nsites);
	tms_put(out, s->total_count);
	tms_put(out, s->total_size);
	tms_flush(out, TMS_END);
}

static void put_body(struct tms_out *out, const struct canon *canon)
{
	tms_put_meta(out, &canon->snapshot->meta);
	put_names(out, canon);
	put_functions(out, canon);
	put_frames(out, canon);
	put_tracebacks(out, canon);
	put_rows(out, canon);
	put_end(out, canon->snapshot);
}

static bool tms_write(const struct tm_snapshot *snapshot, FILE *file,
		      const struct tm_codec_opts *opts, struct tm_err *err)
{
	struct tms_out out;
	struct canon canon;

	canon_init(&canon, snapshot, &opts->progress);
	tms_out_begin(&out, file, &TMS_KIND, err);
	put_body(&out, &canon);
	canon_deinit(&canon);
	return tms_out_end(&out);
}

static bool tms_sniff(const unsigned char *head, size_t len)
{
	return len >= 4 && memcmp(head, TMS_MAGIC, 4) == 0;
}

const struct tm_codec codec_tms = {
	.name = "tms",
	.suffix = ".tms",
	.summary = "tmattach's own: complete, compressed",
	.write = tms_write,
	.read = tms_read,
	.sniff = tms_sniff,
	.functions = true,
	.ages = true,
};
