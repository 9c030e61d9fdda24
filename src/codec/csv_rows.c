#include "codec/csv_rows.h"

#include <string.h>

#include "codec/codec.h"

bool csv_corrupt(struct csv_rows *rows, const char *what)
{
	return codec_corrupt(rows->in->err, rows->in->start, "%s", what);
}

/* The inside of a quoted field; returns what follows the closing quote. */
static int take_quoted(struct record_in *in)
{
	for (;;) {
		int c = record_getc(in);

		if (c == '"') {
			c = record_getc(in);
			if (c != '"')
				return c;
		} else if (c == EOF || in->text.len > RECORD_MAX) {
			return -2;
		}
		record_add(in, c);
	}
}

static bool is_delimiter(struct csv_rows *rows, int c)
{
	if (!rows->delimiter && c != EOF && c && strchr(",;\t", c))
		rows->delimiter = c;
	return c == rows->delimiter && c;
}

static int take_plain(struct csv_rows *rows, int c)
{
	struct record_in *in = rows->in;

	while (!is_delimiter(rows, c) && c != '\n' && c != '\r' && c != EOF &&
	       in->text.len <= RECORD_MAX) {
		record_add(in, c);
		c = record_getc(in);
	}
	return c;
}

static bool ends_line(struct record_in *in, int c)
{
	int next;

	if (c != '\r')
		return c == '\n';
	next = record_getc(in);
	if (next != '\n' && next != EOF) {
		ungetc(next, in->file);
		in->offset--;
	}
	return true;
}

/* One row, beginning with `c`. */
static bool take_fields(struct csv_rows *rows, int c)
{
	struct record_in *in = rows->in;

	in->start = in->offset - 1;
	tm_buf_clear(&in->text);
	for (rows->n = 0; rows->n < CSV_MAX_FIELDS;) {
		rows->at[rows->n++] = in->text.len;
		c = c == '"' ? take_quoted(in) : take_plain(rows, c);
		record_add(in, '\0');
		if (!is_delimiter(rows, c))
			break;
		c = record_getc(in);
	}
	rows->at[rows->n] = in->text.len;
	if (c == -2)
		return csv_corrupt(rows, "a quoted field without end");
	if (c == EOF)
		return codec_short_read(in->err, in->file, in->offset);
	return ends_line(in, c) || csv_corrupt(rows, "a row that has no end");
}

static bool is_blank(const struct csv_rows *rows)
{
	return rows->at[rows->n] == rows->n; /* the NULs alone */
}

bool csv_take_row(struct csv_rows *rows, unsigned n, bool *ret_end)
{
	do {
		int c = record_getc(rows->in);

		*ret_end = c == EOF;
		if (*ret_end || !take_fields(rows, c))
			return false;
	} while (is_blank(rows));
	if (rows->n != n)
		return csv_corrupt(rows, "a row that does not have as many "
				   "fields as the first");
	return true;
}

/* After the mark of UTF-8, if there is one. */
static int first_byte(struct record_in *in)
{
	int c = record_getc(in);

	if (c == 0xef && record_getc(in) == 0xbb && record_getc(in) == 0xbf)
		return record_getc(in);
	return c;
}

bool csv_take_names(struct csv_rows *rows)
{
	int c = first_byte(rows->in);
	struct tm_text first;

	if (c == 0xfe || c == 0xff) {
		tm_err_set(rows->in->err, TM_ERR_UNSUPPORTED, NULL,
			   "text in UTF-16 (at byte 0)");
		return tm_err_hint(rows->in->err, "save it as \"CSV UTF-8\"");
	}
	if (!take_fields(rows, c))
		return false;
	/* Excel's own line about the delimiter. */
	first = csv_field(rows, 0);
	if (first.len >= 4 && memcmp(first.bytes, "sep=", 4) == 0)
		return take_fields(rows, record_getc(rows->in));
	return true;
}

struct tm_text csv_field(const struct csv_rows *rows, unsigned i)
{
	return (struct tm_text){ rows->in->text.data + rows->at[i],
				 rows->at[i + 1] - rows->at[i] - 1 };
}

bool csv_number(struct tm_text text, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	size_t i = 0;

	while (i < text.len && text.bytes[i] >= '0' && text.bytes[i] <= '9')
		v = v * 10 + (uint64_t)(text.bytes[i++] - '0');
	if (!i || i > 19)
		return false;
	*ret = v;
	if (i + 1 < text.len && (text.bytes[i] == '.' || text.bytes[i] == ','))
		i += 1 + strspn(text.bytes + i + 1, "0");
	return i == text.len && v <= max;
}

bool csv_is_missing(struct tm_text text)
{
	static const char *const words[] = { "", "nan", "NaN", "None", "<NA>" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (text.len == strlen(words[i]) &&
		    memcmp(text.bytes, words[i], text.len) == 0)
			return true;
	return false;
}
