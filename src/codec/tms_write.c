#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "codec/canon.h"
#include "codec/codec.h"
#include "codec/formats.h"
#include "codec/tms.h"

enum { LEVEL = 3, CHUNK = 1 << 18, OUT = 1 << 17 };

struct tms_out {
	FILE *file;
	struct tm_err *err;
	bool failed;
	ZSTD_CCtx *zstd;
	char *packed;        /* OUT bytes on their way to the file */
	struct tm_buf chunk; /* the payload being gathered */
	uint32_t crc;
	uint64_t packed_bytes;
	uint64_t plain_bytes;
};

static void put_file(struct tms_out *out, const void *bytes, size_t len)
{
	if (out->failed)
		return;
	out->crc = (uint32_t)crc32_z(out->crc, bytes, len);
	out->packed_bytes += len;
	if (fwrite(bytes, 1, len, out->file) != len)
		out->failed = !codec_written(out->file, out->err);
}

static void pack(struct tms_out *out, const void *bytes, size_t len,
		 ZSTD_EndDirective mode)
{
	ZSTD_inBuffer in = { bytes, len, 0 };
	size_t left;

	out->plain_bytes += len;
	do {
		ZSTD_outBuffer to = { out->packed, OUT, 0 };

		left = ZSTD_compressStream2(out->zstd, &to, &in, mode);
		if (ZSTD_isError(left) && !out->failed) {
			out->failed = true;
			tm_err_set(out->err, TM_ERR_LIMIT, NULL,
				   "cannot compress: %s",
				   ZSTD_getErrorName(left));
		}
		put_file(out, out->packed, to.pos);
	} while (!out->failed &&
		 (mode == ZSTD_e_end ? left != 0 : in.pos < in.size));
}

static size_t varint(unsigned char *at, uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		at[n++] = (unsigned char)(v | 0x80);
	at[n++] = (unsigned char)v;
	return n;
}

static void put(struct tms_out *out, uint64_t v)
{
	unsigned char *at = (unsigned char *)tm_buf_room(&out->chunk, 10);

	out->chunk.len += varint(at, v);
}

static void flush(struct tms_out *out, enum tms_tag tag)
{
	unsigned char head[20];
	size_t n = varint(head, tag);

	n += varint(head + n, out->chunk.len);
	pack(out, head, n, ZSTD_e_continue);
	pack(out, out->chunk.data, out->chunk.len, ZSTD_e_continue);
	tm_buf_clear(&out->chunk);
}

static void flush_if_full(struct tms_out *out, enum tms_tag tag)
{
	if (out->chunk.len >= CHUNK)
		flush(out, tag);
}

static void put_field(struct tms_out *out, enum tms_meta_field field,
		      uint64_t v)
{
	unsigned char payload[10];
	size_t n = varint(payload, v);

	put(out, field);
	put(out, n);
	tm_buf_add(&out->chunk, payload, n);
}

static void put_text_field(struct tms_out *out, enum tms_meta_field field,
			   const char *text, size_t size)
{
	size_t n = strnlen(text, size);

	put(out, field);
	put(out, n);
	tm_buf_add(&out->chunk, text, n);
}

static void put_meta(struct tms_out *out, const struct tm_meta *meta)
{
	put_field(out, TMS_META_PID, (uint32_t)meta->pid);
	put_field(out, TMS_META_TRACEBACK_LIMIT, meta->traceback_limit);
	put_field(out, TMS_META_TAKEN_AT, (uint64_t)meta->taken_at);
	put_field(out, TMS_META_TRACED_CURRENT, meta->traced_current);
	put_field(out, TMS_META_TRACED_PEAK, meta->traced_peak);
	put_field(out, TMS_META_TRACER_MEMORY, meta->tracer_memory);
	put_field(out, TMS_META_PAUSE_NS, meta->pause_ns);
	put_field(out, TMS_META_SAMPLE_BYTES, meta->sample_bytes);
	put_field(out, TMS_META_DROPPED, meta->dropped);
	put_field(out, TMS_META_HAS_TOTAL_NFRAME, meta->has_total_nframe);
	put_field(out, TMS_META_PARTIAL, meta->partial);
	put_text_field(out, TMS_META_RUNTIME, meta->runtime,
		       sizeof(meta->runtime));
	put_text_field(out, TMS_META_COMMAND, meta->command,
		       sizeof(meta->command));
	flush(out, TMS_META);
}

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
		put(out, text.len);
		tm_buf_add(&out->chunk, text.bytes, text.len);
		flush_if_full(out, TMS_STRINGS);
	}
	flush(out, TMS_STRINGS);
	for (size_t i = 0; i < canon->modules.n; i++) {
		const struct tm_module *m = &s->modules[canon->modules.id[i]];

		put(out, canon->strings.rank[m->path]);
		put(out, canon_rank1(&canon->strings, m->build_id));
		flush_if_full(out, TMS_MODULES);
	}
	flush(out, TMS_MODULES);
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
		put(out, name << 1 | (native != NULL));
		put(out, f->lineno);
		if (native) {
			put(out, canon_rank1(&canon->strings, native->function));
			put(out, canon_rank1(&canon->modules, native->module));
			put(out, native->address);
			put(out, native->inlined);
		}
		flush_if_full(out, TMS_FRAMES);
	}
	flush(out, TMS_FRAMES);
}

static void put_tracebacks(struct tms_out *out, const struct canon *canon)
{
	const struct tm_snapshot *s = canon->snapshot;

	for (size_t i = 0; i < canon->tracebacks.n; i++) {
		const struct tm_traceback *t =
			&s->tracebacks[canon->tracebacks.id[i]];

		put(out, t->nframe);
		put(out, t->total_nframe == TM_TOTAL_NFRAME_NONE ? 0 :
			 (uint64_t)t->total_nframe + 1);
		for (uint32_t k = 0; k < t->nframe; k++)
			put(out, canon->frames.rank[s->frame_ids[t->first + k]]);
		flush_if_full(out, TMS_TRACEBACKS);
	}
	flush(out, TMS_TRACEBACKS);
	for (size_t i = 0; i < canon->sites.n; i++) {
		const struct tm_site *site = &s->sites[canon->sites.id[i]];

		put(out, canon->tracebacks.rank[site->traceback]);
		put(out, site->domain);
		flush_if_full(out, TMS_SITES);
	}
	flush(out, TMS_SITES);
}

static void put_row_chunk(struct tms_out *out, const struct tm_row *rows,
			  size_t n)
{
	put(out, n);
	for (size_t i = 0; i < n; i++)
		put(out, rows[i].site - (i ? rows[i - 1].site : 0));
	for (size_t i = 0; i < n; i++) {
		bool same = i && rows[i - 1].site == rows[i].site;

		put(out, rows[i].size - (same ? rows[i - 1].size : 0));
	}
	for (size_t i = 0; i < n; i++)
		put(out, rows[i].count - 1);
	flush(out, TMS_ROWS);
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
	put(out, s->nstrings);
	put(out, s->nmodules);
	put(out, s->nframes);
	put(out, s->ntracebacks);
	put(out, s->nsites);
	put(out, s->total_count);
	put(out, s->total_size);
	flush(out, TMS_END);
	pack(out, NULL, 0, ZSTD_e_end);
}

static void put_body(struct tms_out *out, const struct canon *canon)
{
	put_meta(out, &canon->snapshot->meta);
	put_names(out, canon);
	put_frames(out, canon);
	put_tracebacks(out, canon);
	put_rows(out, canon);
	put_end(out, canon->snapshot);
}

static void put_header(struct tms_out *out)
{
	unsigned char header[TMS_HEADER] = TMS_MAGIC;

	header[8] = TMS_MAJOR;
	header[10] = TMS_MINOR;
	put_file(out, header, sizeof(header));
}

static void put_trailer(struct tms_out *out)
{
	unsigned char crc[TMS_TRAILER];

	for (int i = 0; i < TMS_TRAILER; i++)
		crc[i] = (unsigned char)(out->crc >> 8 * i);
	put_file(out, crc, sizeof(crc));
	if (!out->failed && out->plain_bytes > TMS_EXPANSION_FREE +
	    TMS_EXPANSION_FACTOR * out->packed_bytes)
		out->failed = !tm_err_set(out->err, TM_ERR_LIMIT, NULL,
			"so regular that no reader would believe the file");
}

static bool tms_write(const struct tm_snapshot *snapshot, FILE *file,
		      const struct tm_codec_opts *opts, struct tm_err *err)
{
	struct tms_out out = { .file = file, .err = err };
	struct canon canon;

	out.zstd = ZSTD_createCCtx();
	if (!out.zstd)
		tm_out_of_memory();
	ZSTD_CCtx_setParameter(out.zstd, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(out.zstd, ZSTD_c_checksumFlag, 1);
	out.packed = tm_malloc(OUT);
	canon_init(&canon, snapshot, &opts->progress);
	put_header(&out);
	put_body(&out, &canon);
	put_trailer(&out);
	canon_deinit(&canon);
	ZSTD_freeCCtx(out.zstd);
	free(out.packed);
	tm_buf_free(&out.chunk);
	return !out.failed;
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
};
