#include "session/source_decode.h"

#include <iconv.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/guard.h"

#define BOM "\xef\xbb\xbf"
#define ENCODING_MAX 64

/* Length of the sequence at p, 0 if it is not one character of UTF-8. */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 :
		   p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

bool tm_utf8_valid(const char *bytes, size_t len)
{
	const unsigned char *p = (const unsigned char *)bytes;

	while (len > 0) {
		size_t n = utf8_sequence(p, len);

		if (n == 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\f';
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
}

/* The encoding's name at p (behind "coding"), as [:=][ \t]*([-\w.]+). */
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

/* Only an empty line or a comment may stand before the cookie's line. */
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
	if (!tm_utf8_valid(p, n))
		return false;
	if (find_cookie(p, n, ret) || n == len || !allows_second_line(p, n))
		return true;
	p += n + 1;
	len -= n + 1;
	n = line_length(p, len);
	if (!tm_utf8_valid(p, n))
		return false;
	find_cookie(p, n, ret);
	return true;
}

/* Is it this name, or this name and a hyphen with something behind it
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

/* Python's name -> iconv's, where they differ. */
static const char *iconv_name(char *name)
{
	static const char *const differ[][2] = {
		{ "shift_jis", "SHIFT_JIS" }, { "shift-jis", "SHIFT_JIS" },
		{ "mac-roman", "MACINTOSH" }, { "macroman", "MACINTOSH" },
		{ "mac-cyrillic", "MAC-CYRILLIC" },
	};

	for (char *p = name; *p; p++)
		if (*p == '_')
			*p = '-';
	for (size_t i = 0; i < sizeof(differ) / sizeof(differ[0]); i++)
		if (strcasecmp(name, differ[i][0]) == 0)
			return differ[i][1];
	return name;
}

static bool convert(struct tm_buf *source, const char *from)
{
	TM_GUARD(tm_buf_free) struct tm_buf out = { 0 };
	iconv_t cd = iconv_open("UTF-8", from);
	char *in = source->data, *to;
	size_t in_left = source->len, room = 3 * source->len + 16;
	size_t bad, to_left = room;

	if (cd == (iconv_t)-1)
		return false;
	to = tm_buf_room(&out, room);
	bad = iconv(cd, &in, &in_left, &to, &to_left);
	iconv_close(cd);
	if (bad == (size_t)-1 || in_left > 0)
		return false;
	out.len = room - to_left;
	out.data[out.len] = '\0';
	tm_buf_free(source);
	*source = out;
	out = (struct tm_buf){ 0 };
	return true;
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
	/* Behind a byte order mark even "utf8" is a contradiction. */
	if (bom && name[0] && strcmp(name, "utf-8") != 0)
		return false;
	if (name[0] == '\0' || means_utf8(name))
		return tm_utf8_valid(source->data, source->len);
	return convert(source, name == declared ? iconv_name(declared) : name);
}
