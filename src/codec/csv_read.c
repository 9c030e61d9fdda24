/* Reading the .csv of traces back; see codec/csv.h for what a field holds. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "codec/codec.h"
#include "codec/csv.h"
#include "codec/formats.h"
#include "codec/text.h"
#include "codec/traces_in.h"

enum { FIELDS = 4 };

struct csv_reader {
	struct traces_in t;
	struct tm_buf name, function;
	size_t field[FIELDS + 1]; /* where fields begin in in.text */
	unsigned nfields;
};

static bool corrupt(struct csv_reader *r, const char *what)
{
	return codec_corrupt(r->t.in.err, r->t.in.start, "%s", what);
}

/* The inside of a quoted field; returns what follows the closing quote. */
static int take_quoted(struct csv_reader *r)
{
	for (;;) {
		int c = record_getc(&r->t.in);

		if (c == '"') {
			c = record_getc(&r->t.in);
			if (c != '"')
				return c;
		} else if (c == EOF || r->t.in.text.len > RECORD_MAX) {
			return -2;
		}
		record_add(&r->t.in, c);
	}
}

/* One row into in.text, its fields behind one another, each with a NUL. */
static bool take_row(struct csv_reader *r)
{
	int c = record_getc(&r->t.in);

	r->t.in.start = r->t.in.offset - 1;
	tm_buf_clear(&r->t.in.text);
	for (r->nfields = 0; r->nfields < FIELDS;) {
		r->field[r->nfields++] = r->t.in.text.len;
		if (c == '"')
			c = take_quoted(r);
		else
			for (; c != ',' && c != '\n' && c != '\r' && c != EOF &&
			     r->t.in.text.len <= RECORD_MAX;
			     c = record_getc(&r->t.in))
				record_add(&r->t.in, c);
		record_add(&r->t.in, '\0');
		if (c != ',')
			break;
		c = record_getc(&r->t.in);
	}
	r->field[r->nfields] = r->t.in.text.len;
	if (c == -2)
		return corrupt(r, "a quoted field without end");
	if (c == EOF)
		return codec_short_read(r->t.in.err, r->t.in.file, r->t.in.offset);
	if (c == '\r')
		c = record_getc(&r->t.in);
	if (c != '\n' || r->nfields != FIELDS)
		return corrupt(r, "a row that has not four fields");
	return true;
}

static const char *field(const struct csv_reader *r, unsigned i, size_t *ret_len)
{
	*ret_len = r->field[i + 1] - r->field[i] - 1;
	return r->t.in.text.data + r->field[i];
}

static bool parse_number(const char *text, size_t len, uint64_t max,
			 uint64_t *ret)
{
	uint64_t v = 0;

	if (!len || len > 19)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(text[i] - '0');
	}
	*ret = v;
	return v <= max;
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
			text_encode(to, (uint32_t)strtoul(digits, NULL, 16));
			p += 6;
		} else if (end - p >= 2 && p[1] != 'u') {
			tm_buf_addc(to, p[1]);
			p += 2;
		} else {
			return false;
		}
	}
	return text_is_valid(to->data, to->len);
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
	const char *p, *end;
	size_t len;

	p = field(r, 3, &len);
	end = p + len;
	if (traces_in_known(&r->t, p, len, ret))
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

static bool read_row(struct csv_reader *r)
{
	uint64_t domain, size, total = TM_TOTAL_NFRAME_NONE;
	const char *text;
	uint32_t list;
	size_t len;

	text = field(r, 0, &len);
	if (!parse_number(text, len, UINT32_MAX, &domain))
		return corrupt(r, "a domain that is no number");
	text = field(r, 1, &len);
	if (!parse_number(text, len, INT64_MAX, &size))
		return corrupt(r, "a size that is no number");
	text = field(r, 2, &len);
	if (len && !parse_number(text, len, TM_TOTAL_NFRAME_NONE - 1, &total))
		return corrupt(r, "a total_nframe that is no number");
	return find_frames(r, &list) &&
	       traces_in_add(&r->t, list, (uint32_t)domain, size,
			     (uint32_t)total);
}

static bool check_header(struct csv_reader *r)
{
	const char *want = CSV_TRACES_HEADER;

	if (!take_row(r))
		return false;
	for (unsigned i = 0; i < FIELDS; i++) {
		size_t n = strcspn(want, ","), len;
		const char *text = field(r, i, &len);

		if (len != n || memcmp(text, want, n) != 0)
			return tm_err_set(r->t.in.err, TM_ERR_UNSUPPORTED, NULL,
				"not a table of traces (at byte 0): its first row is not %s",
				CSV_TRACES_HEADER);
		want += n + 1;
	}
	return true;
}

static bool read_rows(struct csv_reader *r)
{
	int c;

	if (!check_header(r))
		return false;
	while ((c = getc_unlocked(r->t.in.file)) != EOF) {
		ungetc(c, r->t.in.file);
		if (!take_row(r) || !read_row(r))
			return false;
	}
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
	ok = read_rows(r);
	traces_in_end(&r->t, ok);
	tm_buf_free(&r->name);
	tm_buf_free(&r->function);
	free(r);
	return ok;
}
