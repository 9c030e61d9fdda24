#include "codec/json_in.h"

#include <string.h>

#include "codec/codec.h"

bool json_in_corrupt(struct record_in *in, const char *what)
{
	return codec_corrupt(in->err, in->start, "%s", what);
}

int json_in_token(struct record_in *in)
{
	int c;

	do
		c = record_getc(in);
	while (c == ' ' || c == '\t' || c == '\r' || c == '\n');
	return c;
}

static const char *skip_string(const char *p, const char *end)
{
	while (++p < end && *p != '"')
		if (*p == '\\')
			p++;
	return p < end ? p : NULL;
}

const char *json_in_skip(const char *p, const char *end)
{
	size_t depth = 0;

	for (; p < end; p++) {
		if (*p == '"' && !(p = skip_string(p, end)))
			return NULL;
		if (*p == '{')
			depth++;
		if (*p == '}' && --depth == 0)
			return p + 1;
	}
	return NULL;
}

/* The rest of a string, its closing quote included. */
static bool take_string(struct record_in *in)
{
	bool escaped = false;

	for (;;) {
		int c = record_getc(in);

		if (c == EOF)
			return codec_short_read(in->err, in->file, in->offset);
		record_add(in, c);
		if (escaped)
			escaped = false;
		else if (c == '\\')
			escaped = true;
		else if (c == '"')
			return true;
		if (in->text.len > RECORD_MAX)
			return json_in_corrupt(in, "a string without end");
	}
}

/*
 * One byte outside of strings. Parsed, an empty object takes a hundred times
 * its text; those that mean something to us have some 25 bytes at least.
 */
static bool take(struct record_in *in, int c, unsigned *depth)
{
	record_add(in, c);
	if (c == '"' && !take_string(in))
		return false;
	if (c == '{' || c == '[') {
		++*depth;
		if (++in->nested / 64 > in->text.len / 512)
			return json_in_corrupt(in, "nothing but empty objects");
	} else if (c == '}' || c == ']') {
		--*depth;
	}
	if (in->text.len > RECORD_MAX)
		return json_in_corrupt(in, "a record without end");
	return true;
}

bool json_in_object(struct record_in *in)
{
	unsigned depth = 1;

	in->start = in->offset - 1;
	in->nested = 1;
	tm_buf_clear(&in->text);
	record_add(in, '{');
	while (depth) {
		int c = record_getc(in);

		if (c == EOF)
			return codec_short_read(in->err, in->file, in->offset);
		if (!take(in, c, &depth))
			return false;
	}
	return true;
}

static bool ends_with_traces(const struct tm_buf *text)
{
	static const char key[] = "\"traces\":";
	size_t n = sizeof(key) - 1;
	char tail[sizeof(key)];

	/* White space around the colon is as good. */
	for (size_t i = text->len; i && n; i--) {
		char c = text->data[i - 1];

		if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
			continue;
		tail[--n] = c;
	}
	return n == 0 && memcmp(tail, key, sizeof(key) - 1) == 0;
}

bool json_in_head(struct record_in *in, struct tm_buf *head, bool *ret_found)
{
	unsigned depth = 1;

	tm_buf_clear(&in->text);
	in->nested = 1;
	*ret_found = false;
	while (depth && !*ret_found) {
		int c = record_getc(in);

		if (c == EOF)
			return codec_short_read(in->err, in->file, in->offset);
		if (c == '[' && depth == 1 && ends_with_traces(&in->text)) {
			*ret_found = true;
			break;
		}
		if (!take(in, c, &depth))
			return false;
	}
	if (in->text.len)
		tm_buf_add(head, in->text.data, in->text.len);
	return true;
}
