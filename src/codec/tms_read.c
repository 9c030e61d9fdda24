#include <limits.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "codec/codec.h"
#include "codec/formats.h"
#include "base/utf8.h"
#include "codec/tms.h"
#include "codec/tms_in.h"
#include "codec/tms_meta.h"

/* The builder's ids by the file's numbers. */
struct id_list {
	tm_id *ids;
	size_t n, cap;
};

struct tms_reader {
	struct tms_in *in;
	struct tm_builder *builder;
	struct tm_meta *meta;
	struct id_list strings, modules, functions, frames, tracebacks, threads, ages, sites;
	struct tm_row *rows;   /* one chunk of them */
	uint64_t *column;      /* one column of it */
	tm_id *stack;          /* the frames of one traceback */
	size_t stack_cap;
	struct tm_buf text;
	uint64_t count;
	unsigned __int128 size;
};

static void list_add(struct id_list *list, tm_id id)
{
	list->ids = tm_grow(list->ids, &list->cap, list->n + 1,
			    sizeof(*list->ids));
	list->ids[list->n++] = id;
}

/* A number that names a record; the builder's id. */
static tm_id get_ref(struct tms_reader *r, const struct id_list *list,
		     const char *what)
{
	uint64_t i = tms_in_varint(r->in);

	if (i < list->n)
		return list->ids[i];
	tms_in_corrupt(r->in, what);
	return TM_ID_NONE;
}

static tm_id get_ref1(struct tms_reader *r, const struct id_list *list,
		      const char *what)
{
	uint64_t i = tms_in_varint(r->in);

	if (i && i - 1 < list->n)
		return list->ids[i - 1];
	if (i)
		tms_in_corrupt(r->in, what);
	return TM_ID_NONE;
}

static uint32_t get_u32(struct tms_reader *r)
{
	return (uint32_t)tms_in_bounded(r->in, UINT32_MAX,
					"a number beyond 32 bits");
}

static void get_string(struct tms_reader *r)
{
	size_t len = tms_in_bounded(r->in, CODEC_MAX_STRING,
				    "a name of absurd length");
	char *bytes;

	if (len > tms_in_left(r->in))
		tms_in_corrupt(r->in, "a name crosses the end of its chunk");
	if (tms_in_failed(r->in))
		return;
	tm_buf_clear(&r->text);
	bytes = tm_buf_room(&r->text, len);
	tms_in_bytes(r->in, bytes, len);
	if (tms_in_failed(r->in))
		return;
	if (!tm_utf8_is_text(bytes, len))
		tms_in_corrupt(r->in, "a name that is not UTF-8");
	else
		list_add(&r->strings,
			 tm_builder_string(r->builder, bytes, len));
}

static void get_module(struct tms_reader *r)
{
	tm_id path = get_ref(r, &r->strings, "a module of unknown name");
	tm_id build_id = get_ref1(r, &r->strings, "an unknown build-id");

	if (!tms_in_failed(r->in))
		list_add(&r->modules,
			 tm_builder_module(r->builder, path, build_id));
}

static tm_id get_native(struct tms_reader *r, tm_id filename, uint32_t lineno)
{
	struct tm_native_frame native = { 0 };

	native.function = get_ref1(r, &r->strings, "an unknown function name");
	native.module = get_ref1(r, &r->modules, "an unknown module");
	native.address = tms_in_varint(r->in);
	native.inlined = (uint32_t)tms_in_bounded(r->in, 1, "not a truth value");
	if (tms_in_failed(r->in))
		return TM_ID_NONE;
	return tm_builder_native_frame(r->builder, filename, lineno, &native);
}

static void get_function(struct tms_reader *r)
{
	tm_id function = get_ref1(r, &r->strings, "an unknown function name");

	if (!tms_in_failed(r->in))
		list_add(&r->functions, function);
}

static tm_id get_python(struct tms_reader *r, tm_id filename, uint32_t lineno)
{
	return tm_builder_function_frame(r->builder, filename, lineno,
					 r->frames.n < r->functions.n ?
					 r->functions.ids[r->frames.n] : TM_ID_NONE);
}

static void get_frame(struct tms_reader *r)
{
	uint64_t name = tms_in_varint(r->in);
	uint32_t lineno = get_u32(r);
	tm_id filename, frame;

	if (name >> 1 >= r->strings.n)
		tms_in_corrupt(r->in, "a frame of unknown file name");
	if (tms_in_failed(r->in))
		return;
	filename = r->strings.ids[name >> 1];
	if (name & 1)
		frame = get_native(r, filename, lineno);
	else
		frame = get_python(r, filename, lineno);
	if (!tms_in_failed(r->in))
		list_add(&r->frames, frame);
}

static void get_traceback(struct tms_reader *r)
{
	uint32_t nframe = get_u32(r);
	uint64_t total = tms_in_bounded(r->in, UINT32_MAX,
					"a number beyond 32 bits");

	/* A frame takes a byte at least: no memory for what cannot be there. */
	if (!nframe || nframe > tms_in_left(r->in))
		tms_in_corrupt(r->in, "a traceback of impossible length");
	if (tms_in_failed(r->in))
		return;
	for (uint32_t i = 0; i < nframe && !tms_in_failed(r->in); i++) {
		r->stack = tm_grow(r->stack, &r->stack_cap, i + 1,
				   sizeof(*r->stack));
		r->stack[i] = get_ref(r, &r->frames, "an unknown frame");
	}
	if (!tms_in_failed(r->in))
		list_add(&r->tracebacks, tm_builder_traceback(r->builder,
			r->stack, nframe,
			total ? (uint32_t)(total - 1) : TM_TOTAL_NFRAME_NONE));
}

static void get_thread(struct tms_reader *r)
{
	tm_id thread = get_ref1(r, &r->strings, "an unknown thread name");

	if (!tms_in_failed(r->in))
		list_add(&r->threads, thread);
}

static void get_age(struct tms_reader *r)
{
	const uint64_t age = tms_in_bounded(r->in, UINT32_MAX, "an age beyond 32 bits");

	if (!tms_in_failed(r->in))
		list_add(&r->ages, age ? (uint32_t)(age - 1) : TM_AGE_NONE);
}

static uint32_t next_of(const struct id_list *list, size_t i, uint32_t none)
{
	return i < list->n ? list->ids[i] : none;
}

static void get_site(struct tms_reader *r)
{
	tm_id traceback = get_ref(r, &r->tracebacks, "an unknown traceback");
	uint32_t domain = get_u32(r);

	if (!tms_in_failed(r->in))
		list_add(&r->sites,
			 tm_builder_aged_site(r->builder, traceback, domain,
					      next_of(&r->threads, r->sites.n, TM_ID_NONE),
					      next_of(&r->ages, r->sites.n, TM_AGE_NONE)));
}

static bool get_row_sites(struct tms_reader *r, size_t n)
{
	uint64_t site = 0;

	tms_in_varints(r->in, r->column, n);
	for (size_t i = 0; i < n && !tms_in_failed(r->in); i++) {
		site += r->column[i];
		if (site >= r->sites.n)
			return tms_in_corrupt(r->in, "traces of an unknown site");
		r->rows[i].site = (tm_id)site;
	}
	return !tms_in_failed(r->in);
}

static bool get_row_sizes(struct tms_reader *r, size_t n)
{
	struct tm_row *rows = r->rows;

	tms_in_varints(r->in, r->column, n);
	if (tms_in_failed(r->in))
		return false;
	for (size_t i = 0; i < n; i++) {
		rows[i].size = r->column[i];
		if (i && rows[i].site == rows[i - 1].site)
			rows[i].size += rows[i - 1].size;
	}
	return true;
}

static bool get_row_counts(struct tms_reader *r, size_t n)
{
	tms_in_varints(r->in, r->column, n);
	for (size_t i = 0; i < n && !tms_in_failed(r->in); i++) {
		struct tm_row *row = &r->rows[i];

		if (r->column[i] >= UINT32_MAX)
			return tms_in_corrupt(r->in, "a count beyond 32 bits");
		row->count = (uint32_t)r->column[i] + 1;
		r->count += row->count;
		r->size += (unsigned __int128)row->size * row->count;
	}
	return !tms_in_failed(r->in);
}

static void get_rows(struct tms_reader *r)
{
	size_t n = tms_in_bounded(r->in, TMS_ROWS_PER_CHUNK,
				  "too many rows in a chunk");

	if (!get_row_sites(r, n) || !get_row_sizes(r, n) ||
	    !get_row_counts(r, n))
		return;
	for (size_t i = 0; i < n; i++)
		r->rows[i].site = r->sites.ids[r->rows[i].site];
	tm_builder_rows(r->builder, r->rows, n);
}

static void each(struct tms_reader *r, void (*get)(struct tms_reader *r))
{
	while (tms_in_left(r->in) && !tms_in_failed(r->in))
		get(r);
}

static void get_end(struct tms_reader *r)
{
	const size_t n[] = { r->strings.n, r->modules.n, r->frames.n,
			     r->tracebacks.n, r->sites.n };
	bool ok = true;

	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++)
		ok &= tms_in_varint(r->in) == n[i];
	ok &= tms_in_varint(r->in) == r->count;
	ok &= tms_in_varint(r->in) == r->size;
	if (!ok)
		tms_in_corrupt(r->in, "the tables do not add up");
}

static bool get_chunks(struct tms_reader *r)
{
	for (;;) {
		uint64_t tag = tms_in_chunk(r->in);

		if (tms_in_failed(r->in))
			return false;
		switch (tag) {
		case TMS_META: tms_get_meta(r->in, r->meta); break;
		case TMS_STRINGS: each(r, get_string); break;
		case TMS_MODULES: each(r, get_module); break;
		case TMS_FUNCTIONS: each(r, get_function); break;
		case TMS_FRAMES: each(r, get_frame); break;
		case TMS_TRACEBACKS: each(r, get_traceback); break;
		case TMS_THREADS:
			tm_builder_has_threads(r->builder);
			each(r, get_thread);
			break;
		case TMS_AGES: each(r, get_age); break;
		case TMS_SITES: each(r, get_site); break;
		case TMS_ROWS: each(r, get_rows); break;
		case TMS_END:
			get_end(r);
			return tms_in_finish(r->in);
		default: break; /* of a newer minor version: skipped */
		}
	}
}

bool tms_read(FILE *file, struct tm_builder *builder, struct tm_meta *meta,
	      struct tm_err *err)
{
	struct tms_reader r = { .builder = builder, .meta = meta };
	bool ok;

	r.in = tms_in_open(file, &TMS_KIND, err);
	if (!r.in)
		return false;
	r.rows = tm_malloc(TMS_ROWS_PER_CHUNK * sizeof(*r.rows));
	r.column = tm_malloc(TMS_ROWS_PER_CHUNK * sizeof(*r.column));
	ok = get_chunks(&r);
	tms_in_close(r.in);
	free(r.rows);
	free(r.column);
	free(r.stack);
	free(r.strings.ids);
	free(r.modules.ids);
	free(r.functions.ids);
	free(r.frames.ids);
	free(r.tracebacks.ids);
	free(r.threads.ids);
	free(r.ages.ids);
	free(r.sites.ids);
	tm_buf_free(&r.text);
	return ok;
}
