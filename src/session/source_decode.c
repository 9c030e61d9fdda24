#include "session/source_decode.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "session/source_charset.h"

#define BOM "\xef\xbb\xbf"
#define ENCODING_MAX 64

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

/* The encoding's name at p (after "coding"), as [:=][ \t]*([-\w.]+). */
static bool read_name(const char *p, const char *end, char *ret)
{
	size_t n = 0;

	if (p == end || (*p != ':' && *p != '='))
		return false;
	for (p++; p < end && (*p == ' ' || *p == '\t'); p++)
		;
	for (; p < end && is_name(*p); p++)
		if (n < ENCODING_MAX - 1)
			ret[n++] = *p;
	ret[n] = '\0';
	return n > 0;
}

/* tokenize's cookie_re on one line: ^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+) */
static bool find_cookie(const char *line, size_t len, char *ret)
{
	const char *end = line + len;

	while (line < end && is_blank(*line))
		line++;
	if (line == end || *line != '#')
		return false;
	for (line++; (size_t)(end - line) >= 6; line++)
		if (memcmp(line, "coding", 6) == 0 &&
		    read_name(line + 6, end, ret))
			return true;
	return false;
}

static size_t line_length(const char *p, size_t len)
{
	const char *newline = memchr(p, '\n', len);

	return newline ? (size_t)(newline - p) : len;
}

/* Only an empty line or a comment may precede the cookie's line. */
static bool allows_second_line(const char *line, size_t len)
{
	size_t i = 0;

	while (i < len && is_blank(line[i]))
		i++;
	return i == len || line[i] == '#' || line[i] == '\r';
}

/*
 * detect_encoding(): the cookie of the first two lines, "" if there is none.
 * False where these lines are not UTF-8: Python refuses such a file even when
 * a cookie declares another encoding.
 */
static bool declared_encoding(const char *p, size_t len, char *ret)
{
	size_t n = line_length(p, len);

	ret[0] = '\0';
	if (!tm_utf8_is_valid(p, n))
		return false;
	if (find_cookie(p, n, ret) || n == len || !allows_second_line(p, n))
		return true;
	p += n + 1;
	len -= n + 1;
	n = line_length(p, len);
	if (!tm_utf8_is_valid(p, n))
		return false;
	find_cookie(p, n, ret);
	return true;
}

/* Is it this name, or this name and a hyphen with something after it
 * ("utf-8-unix", as Emacs writes)? */
static bool is_or_extends(const char *name, const char *known)
{
	size_t n = strlen(known);

	return strncasecmp(name, known, n) == 0 &&
	       (name[n] == '\0' || name[n] == '-');
}

/* tokenize._get_normal_name(), which looks at 12 characters only. */
static const char *normal_name(const char *name)
{
	char norm[13] = { 0 };

	for (size_t i = 0; i < 12 && name[i]; i++)
		norm[i] = name[i] == '_' ? '-' : name[i];
	if (is_or_extends(norm, "utf-8"))
		return "utf-8";
	if (is_or_extends(norm, "latin-1") ||
	    is_or_extends(norm, "iso-8859-1") ||
	    is_or_extends(norm, "iso-latin-1"))
		return "iso-8859-1";
	return name;
}

/* Python's other names of UTF-8. */
static bool means_utf8(const char *name)
{
	static const char *const names[] = {
		"utf-8", "utf8", "u8", "utf", "cp65001",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static void drop_bom(struct tm_buf *source)
{
	source->len -= 3;
	memmove(source->data, source->data + 3, source->len + 1);
}

bool tm_source_decode(struct tm_buf *source)
{
	char declared[ENCODING_MAX];
	const char *name;
	bool bom = source->len >= 3 && memcmp(source->data, BOM, 3) == 0;

	if (source->len == 0)
		return true;
	if (bom)
		drop_bom(source);
	if (!declared_encoding(source->data, source->len, declared))
		return false;
	name = normal_name(declared);
	/* After a byte order mark even "utf8" is a contradiction. */
	if (bom && name[0] && strcmp(name, "utf-8") != 0)
		return false;
	if (name[0] == '\0' || means_utf8(name))
		return tm_utf8_is_valid(source->data, source->len);
	return tm_charset_decode(source, name);
}
