/*
 * What the codec tests share: snapshots with everything odd in them, their
 * content as sorted text lines (independent of the code under test), and
 * reading from memory.
 */
#ifndef CODEC_FIXTURE_H
#define CODEC_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "tmattach/file.h"

#define TEXT(s) s, sizeof(s) - 1

static inline uint64_t fixture_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static inline struct tm_meta fixture_meta(void)
{
	return (struct tm_meta){
		.pid = 4711, .traceback_limit = 25,
		.taken_at = 1769860800123, .traced_current = 123456789,
		.traced_peak = 987654321, .tracer_memory = 4242,
		.pause_ns = 5250000, .sample_bytes = 524288, .dropped = 7,
		.has_total_nframe = true, .partial = true,
		.runtime = "CPython 3.13.5", .command = "python3 app.py \xff",
	};
}

static const char *const fixture_names[] = {
	"app.py", "<string>", "", "/srv/\xc3\xa4\xf0\x9f\x98\x80/x.py",
	"bad-\xed\xb2\x80\xed\xb3\xbf.py", "\xed\xa0\x80high", "a,\"b\"\r\nc;d\\e",
	"\xf4\x8f\xbf\277dc80", "\\udc80", "x.py:12", "tracemalloc", "traces",
	"=1+1", " lead", "paren(thesis).c", "\x1b[31mred", "\xed\xb3\xbf",
};
#define FIXTURE_NAMES (sizeof(fixture_names) / sizeof(fixture_names[0]))

/* Python frames only; `order` permutes how it is built, not what. */
static inline struct tm_builder *fixture_python(unsigned order)
{
	struct tm_builder *b = tm_builder_create();
	tm_id frames[FIXTURE_NAMES + 1], nul, site;
	size_t n = FIXTURE_NAMES;

	for (size_t k = 0; k < n; k++) {
		size_t i = (k + order) % n;

		frames[i] = tm_builder_frame(b, tm_builder_string(b,
			fixture_names[i], strlen(fixture_names[i])),
			(uint32_t)(i * i * 1000));
	}
	nul = tm_builder_string(b, TEXT("nul\0in.py"));
	frames[n] = tm_builder_frame(b, nul, UINT32_MAX);
	for (size_t k = 0; k <= n; k++) {
		size_t i = (k + order) % (n + 1);
		uint32_t len = (uint32_t)(n + 1 - i);

		site = tm_builder_site(b, tm_builder_traceback(b, frames + i,
			len, len + (uint32_t)(i % 3) * 100),
			i % 4 ? 0 : 389047);
		for (unsigned t = 0; t < 5; t++)
			tm_builder_traces(b, site, i * 300 + (t + order) % 5,
					  1 + (uint32_t)i % 2);
		tm_builder_traces(b, site, 5ull << (8 + 2 * i), 1);
	}
	site = tm_builder_site(b, tm_builder_traceback(b, frames, 1, 1),
			       UINT32_MAX);
	tm_builder_traces(b, site, 0, 1);
	tm_builder_traces(b, site, 1ull << 61, 1);
	return b;
}

static inline struct tm_builder *fixture_native(unsigned order)
{
	struct tm_builder *b = fixture_python(order);
	tm_id path = tm_builder_string(b, TEXT("/lib/libc.so.6"));
	tm_id id = tm_builder_string(b, TEXT("0123456789abcdef"));
	tm_id function = tm_builder_string(b, TEXT("ns::f<int>(char)"));
	tm_id file = tm_builder_string(b, TEXT("f(1).cc"));
	struct tm_native_frame native = {
		.function = function, .module = tm_builder_module(b, path, id),
		.address = 0x7fffffff1234, .inlined = 1,
	};
	tm_id frames[4];

	tm_builder_module(b, path, TM_ID_NONE);
	frames[0] = tm_builder_native_frame(b, file, 12, &native);
	native = (struct tm_native_frame){ TM_ID_NONE, TM_ID_NONE,
					   UINT64_MAX, 0, 0 };
	frames[1] = tm_builder_native_frame(b, file, 0, &native);
	native.function = function;
	frames[2] = tm_builder_native_frame(b, file, 12, &native);
	native.module = tm_builder_module(b, path, TM_ID_NONE);
	native.function = TM_ID_NONE;
	frames[3] = tm_builder_native_frame(b, file, 12, &native);
	for (uint32_t i = 0; i < 4; i++)
		tm_builder_traces(b, tm_builder_site(b,
			tm_builder_traceback(b, frames, i + 1,
					     TM_TOTAL_NFRAME_NONE), i),
			100 + i, 3);
	return b;
}

static inline struct tm_snapshot *fixture_finish(struct tm_builder *b)
{
	struct tm_meta meta = fixture_meta();
	struct tm_err err;
	struct tm_snapshot *s = tm_builder_finish(b, &meta, &err);

	assert_non_null(s);
	return s;
}

static inline int fixture_compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline void fixture_add_text(struct tm_buf *line, struct tm_text text)
{
	if (!text.bytes)
		tm_buf_adds(line, "-");
	for (size_t i = 0; i < text.len; i++)
		tm_buf_addf(line, "%02x", (unsigned char)text.bytes[i]);
}

static inline char *fixture_line(const struct tm_snapshot *s,
				 const struct tm_row *row, bool natives)
{
	const struct tm_site *site = &s->sites[row->site];
	const struct tm_traceback *t = &s->tracebacks[site->traceback];
	struct tm_buf line = { 0 };

	tm_buf_addf(&line, "%u %llu %u", site->domain,
		    (unsigned long long)row->size, t->total_nframe);
	for (uint32_t i = 0; i < t->nframe; i++) {
		struct tm_frame_view f = tm_traceback_frame(s, site->traceback, i);

		tm_buf_adds(&line, " ");
		fixture_add_text(&line, f.filename);
		tm_buf_addf(&line, ":%u", f.lineno);
		if (!natives || !f.native)
			continue;
		tm_buf_addf(&line, ":%d:%llx:", f.inlined,
			    (unsigned long long)f.address);
		fixture_add_text(&line, f.function);
		tm_buf_adds(&line, ":");
		fixture_add_text(&line, f.module);
	}
	return line.data;
}

/* Every trace as a line, sorted: equal multisets give equal text. */
static inline char *fixture_text(const struct tm_snapshot *s, bool natives)
{
	char **lines = tm_malloc((s->total_count + 1) * sizeof(*lines));
	struct tm_buf all = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < s->nrows; i++)
		for (uint32_t k = 0; k < s->rows[i].count; k++)
			lines[n++] = fixture_line(s, &s->rows[i], natives);
	assert_int_equal(n, s->total_count);
	qsort(lines, n, sizeof(*lines), fixture_compare_lines);
	tm_buf_adds(&all, "");
	for (size_t i = 0; i < n; i++) {
		tm_buf_addf(&all, "%s\n", lines[i]);
		free(lines[i]);
	}
	free(lines);
	return all.data;
}

static inline void fixture_same(const struct tm_snapshot *a,
				const struct tm_snapshot *b, bool natives)
{
	char *x = fixture_text(a, natives), *y = fixture_text(b, natives);

	assert_string_equal(x, y);
	free(x);
	free(y);
}

static inline struct tm_buf fixture_write(const struct tm_codec *codec,
					  const struct tm_snapshot *s,
					  const struct tm_codec_opts *opts)
{
	static const struct tm_codec_opts none;
	struct tm_buf buf = { 0 };
	struct tm_err err;
	FILE *out = open_memstream(&buf.data, &buf.len);

	assert_true(codec->write(s, out, opts ? opts : &none, &err));
	assert_int_equal(fclose(out), 0);
	return buf;
}

/* NULL with *err when refused, and then the error must say what and where. */
static inline struct tm_snapshot *fixture_read(const struct tm_codec *codec,
					       const void *bytes, size_t len,
					       struct tm_err *err)
{
	struct tm_builder *b = tm_builder_create();
	struct tm_snapshot *s = NULL;
	struct tm_meta meta = { 0 };
	FILE *in = len ? fmemopen((void *)bytes, len, "r") :
			 fopen("/dev/null", "r");

	memset(err, 0, sizeof(*err));
	assert_non_null(in);
	if (codec->read(in, b, &meta, err))
		s = tm_builder_finish(b, &meta, err);
	else
		tm_builder_destroy(b);
	fclose(in);
	if (!s) {
		assert_true(err->kind == TM_ERR_CORRUPT ||
			    err->kind == TM_ERR_UNSUPPORTED ||
			    err->kind == TM_ERR_LIMIT);
		assert_true(err->cause[0] != '\0');
	}
	return s;
}

/* What a .tms file of it gives back; that gives the same file again. */
static inline struct tm_snapshot *fixture_again(const struct tm_snapshot *s)
{
	const struct tm_codec *tms = tm_codec_by_name("tms");
	struct tm_buf file = fixture_write(tms, s, NULL), second;
	struct tm_snapshot *again;
	struct tm_err err;

	again = fixture_read(tms, file.data, file.len, &err);
	assert_non_null(again);
	second = fixture_write(tms, again, NULL);
	assert_int_equal(second.len, file.len);
	assert_memory_equal(second.data, file.data, file.len);
	free(file.data);
	free(second.data);
	return again;
}

#endif
