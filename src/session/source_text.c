#include "session/source_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void tm_source_text_free(struct tm_source_text *source)
{
	tm_buf_free(&source->text);
	free(source->starts);
	*source = (struct tm_source_text){ 0 };
}

/* The next line begins at `at`; the end of the last one is kept after them. */
static void begin_line(struct tm_source_text *source, size_t at, size_t end)
{
	source->starts = tm_grow(source->starts, &source->cap,
				 (size_t)source->nlines + 2,
				 sizeof(*source->starts));
	source->starts[source->nlines++] = (uint32_t)at;
	source->starts[source->nlines] = (uint32_t)end;
}

void tm_source_text_cut(struct tm_source_text *source)
{
	const char *p = source->text.data;
	size_t len = source->text.len, i = 0;

	while (i < len) {
		begin_line(source, i, len);
		while (i < len && p[i] != '\n' && p[i] != '\r')
			i++;
		i += i + 1 < len && p[i] == '\r' && p[i + 1] == '\n' ? 2 : 1;
	}
}

void tm_source_text_add(struct tm_source_text *source, const char *bytes, size_t len)
{
	begin_line(source, source->text.len, source->text.len + len);
	tm_buf_add(&source->text, bytes, len);
}

/* str.isspace() for the character at p: its length in bytes, else 0. */
static size_t space_length(const char *p, size_t left)
{
	const unsigned char *u = (const unsigned char *)p;
	uint32_t c;

	if (u[0] == ' ' || (u[0] >= 0x09 && u[0] <= 0x0d) ||
	    (u[0] >= 0x1c && u[0] <= 0x1f))
		return 1;
	if (left >= 2 && u[0] == 0xc2 && (u[1] == 0x85 || u[1] == 0xa0))
		return 2;
	if (left < 3 || u[0] < 0xe1 || u[0] > 0xe3)
		return 0;
	c = (uint32_t)(u[0] & 0xf) << 12 | (uint32_t)(u[1] & 0x3f) << 6 |
	    (u[2] & 0x3f);
	return c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 ||
	       c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000 ? 3 : 0;
}

/* The length of the last character, so that stripping can go backwards. */
static size_t last_length(const char *p, size_t len)
{
	size_t n = 1;

	while (n < len && n < 4 && ((unsigned char)p[len - n] & 0xc0) == 0x80)
		n++;
	return n;
}

static char *stripped(const char *p, size_t len)
{
	size_t n;
	char *line;

	while (len > 0 && (n = space_length(p, len)) > 0) {
		p += n;
		len -= n;
	}
	while (len > 0) {
		n = last_length(p, len);
		if (space_length(p + len - n, n) != n)
			break;
		len -= n;
	}
	if (len == 0)
		return NULL;
	line = tm_malloc(len + 1);
	memcpy(line, p, len);
	line[len] = '\0';
	return line;
}

char *tm_source_text_line(const struct tm_source_text *source, uint32_t lineno)
{
	uint32_t start;

	if (lineno < 1 || lineno > source->nlines)
		return NULL;
	start = source->starts[lineno - 1];
	return stripped(source->text.data + start, source->starts[lineno] - start);
}
