/* Reading the .csv of traces back; see codec/csv.h for what a field holds, and
 * codec/csv_rows.h for what other programs make of it. */
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"
#include "codec/csv.h"
#include "codec/csv_rows.h"
#include "codec/formats.h"
#include "base/utf8.h"
#include "codec/traces_in.h"

enum column { DOMAIN, SIZE, TOTAL_NFRAME, TRACEBACK, COLUMNS };

#define NOT_TO_BE_MISSING UINT64_MAX

struct csv_reader {
	struct traces_in t;
	struct csv_rows rows;
	unsigned nnames;        /* fields of each row */
	int column[COLUMNS];    /* which of them it is, -1: not there */
	struct tm_buf name, function;
};

static bool corrupt(struct csv_reader *r, const char *what)
{
	return csv_corrupt(&r->rows, what);
}

static bool parse_number(const char *text, size_t len, uint64_t max,
			 uint64_t *ret)
{
	return !memchr(text, '.', len) && !memchr(text, ',', len) &&
	       csv_number((struct tm_text){ text, len }, max, ret);
}

/* Undo the backslashes of csv_add_frame(). */
static bool unescape(struct tm_buf *to, const char *p, const char *end)
{
	tm_buf_clear(to);
	tm_buf_add(to, "", 0);
	while (p < end) {
		char digits[5] = "";

		if (*p != '\\') {
			tm_buf_addc(to, *p++);
		} else if (end - p >= 6 && p[1] == 'u') {
			memcpy(digits, p + 2, 4);
			if (strspn(digits, "0123456789abcdef") != 4)
				return false;
			tm_utf8_encode(to, (uint32_t)strtoul(digits, NULL, 16));
			p += 6;
		} else if (end - p >= 2 && p[1] != 'u') {
			tm_buf_addc(to, p[1]);
			p += 2;
		} else {
			return false;
		}
	}
	return tm_utf8_is_text(to->data, to->len);
}

/* The first `c` that has no backslash before it, or end. */
static const char *find_plain(const char *p, const char *end, char c)
{
	for (; p < end && *p != c; p++)
		if (*p == '\\' && p + 1 < end)
			p++;
	return p;
}

static const char *last_colon(const char *p, const char *end)
{
	return end > p ? memrchr(p, ':', (size_t)(end - p)) : NULL;
}

static bool add_frame(struct csv_reader *r, const char *p, const char *end)
{
	struct tm_native_frame native = { .function = TM_ID_NONE,
					  .module = TM_ID_NONE };
	bool is_native = end > p && end[-1] == ')';
	const char *place = is_native ? find_plain(p, end, '(') : end;
	const char *colon = last_colon(p, place);
	uint64_t lineno;
	tm_id name;

	if (place > end || !colon || !parse_number(colon + 1,
			(size_t)(place - colon) - 1, UINT32_MAX, &lineno) ||
	    !unescape(&r->name, p, colon))
		return corrupt(r, "a frame that is not FILENAME:LINENO");
	name = tm_builder_string(r->t.builder, r->name.data, r->name.len);
	if (!is_native) {
		sites_frame(&r->t.sites, tm_builder_frame(r->t.builder, name,
							(uint32_t)lineno));
		return true;
	}
	if (place == end || !unescape(&r->function, place + 1, end - 1))
		return corrupt(r, "a native frame without its function");
	if (r->function.len)
		native.function = tm_builder_string(r->t.builder,
						    r->function.data,
						    r->function.len);
	sites_frame(&r->t.sites, tm_builder_native_frame(r->t.builder, name,
						       (uint32_t)lineno,
						       &native));
	return true;
}

static bool find_frames(struct csv_reader *r, uint32_t *ret)
{
	struct tm_text text = csv_field(&r->rows, (unsigned)r->column[TRACEBACK]);
	const char *p = text.bytes, *end = p + text.len;

	if (traces_in_known(&r->t, p, text.len, ret))
		return true;
	sites_begin(&r->t.sites);
	for (;;) {
		const char *stop = find_plain(p, end, ';');

		if (stop > end)
			stop = end;
		if (!add_frame(r, p, stop))
			return false;
		if (stop == end)
			return true;
		p = stop + 1;
	}
}

/* The number in a column, `missing` if it has none. */
static bool number(struct csv_reader *r, enum column column, uint64_t max,
		   uint64_t missing, uint64_t *ret)
{
	struct tm_text text = { "", 0 };

	if (r->column[column] >= 0)
		text = csv_field(&r->rows, (unsigned)r->column[column]);
	*ret = missing;
	return (missing <= UINT32_MAX && csv_is_missing(text)) ||
	       csv_number(text, max, ret);
}

static bool read_row(struct csv_reader *r)
{
	uint64_t domain, size, total;
	uint32_t list;

	if (!number(r, DOMAIN, UINT32_MAX, 0, &domain))
		return corrupt(r, "a domain that is not a number");
	if (!number(r, SIZE, INT64_MAX, NOT_TO_BE_MISSING, &size))
		return corrupt(r, "a size that is not a number of bytes");
	if (!number(r, TOTAL_NFRAME, TM_TOTAL_NFRAME_NONE - 1,
		    TM_TOTAL_NFRAME_NONE, &total))
		return corrupt(r, "a total_nframe that is not a number");
	return find_frames(r, &list) &&
	       traces_in_add(&r->t, list, (uint32_t)domain, size,
			     (uint32_t)total);
}

static int column_named(const struct csv_rows *rows, const char *name, size_t len)
{
	for (unsigned i = 0; i < rows->n; i++) {
		struct tm_text text = csv_field(rows, i);

		if (text.len == len && memcmp(text.bytes, name, len) == 0)
			return (int)i;
	}
	return -1;
}

/* The columns may be in any order, and among others. */
static bool check_names(struct csv_reader *r)
{
	const char *name = CSV_TRACES_HEADER;

	if (!csv_take_names(&r->rows))
		return false;
	r->nnames = r->rows.n;
	for (unsigned i = 0; i < COLUMNS; i++) {
		size_t len = strcspn(name, ",");

		r->column[i] = column_named(&r->rows, name, len);
		name += len + (name[len] == ',');
	}
	if (r->column[SIZE] >= 0 && r->column[TRACEBACK] >= 0)
		return true;
	return tm_err_set(r->t.in.err, TM_ERR_UNSUPPORTED, NULL,
			  "not a table of traces (at byte 0): its first row does "
			  "not name the columns %s", CSV_TRACES_HEADER);
}

static bool read_rows(struct csv_reader *r)
{
	bool end;

	if (!check_names(r))
		return false;
	while (csv_take_row(&r->rows, r->nnames, &end))
		if (!read_row(r))
			return false;
	if (!end)
		return false;
	if (ferror(r->t.in.file))
		return codec_short_read(r->t.in.err, r->t.in.file, r->t.in.offset);
	sites_flush(&r->t.sites);
	traces_in_conclude(&r->t);
	return true;
}

bool csv_read(FILE *file, struct tm_builder *builder, struct tm_meta *meta,
	      struct tm_err *err)
{
	struct csv_reader *r = tm_calloc(1, sizeof(*r));
	bool ok;

	traces_in_begin(&r->t, file, builder, meta, err);
	r->rows.in = &r->t.in;
	ok = read_rows(r);
	traces_in_end(&r->t, ok);
	tm_buf_free(&r->name);
	tm_buf_free(&r->function);
	free(r);
	return ok;
}
