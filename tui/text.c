#include "text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/*
 * Characters that have a width but no business on the screen: they change the
 * direction of what follows, or join, and terminals disagree about them.
 */
static bool is_invisible(uint32_t c)
{
	static const struct { uint32_t first, last; } ranges[] = {
		{ 0x00ad, 0x00ad }, { 0x115f, 0x1160 }, { 0x180e, 0x180e },
		{ 0x200b, 0x200d }, { 0x2060, 0x2065 }, { 0x206a, 0x206f },
		{ 0x3164, 0x3164 }, { 0xfe00, 0xfe0f }, { 0xfeff, 0xfeff },
		{ 0xffa0, 0xffa0 }, { 0xfff0, 0xfffb }, { 0xe0000, 0xe0fff },
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	return tm_is_surrogate(c) || tm_is_reordering(c);
}

static void escape(struct glyph *glyph, const char *format, unsigned c)
{
	glyph->c = 0;
	snprintf(glyph->escape, sizeof(glyph->escape), format, c);
	glyph->width = (int)strlen(glyph->escape);
}

struct glyph text_next(const char *p, size_t len, bool utf8)
{
	struct glyph glyph = { .width = 1 };
	uint32_t c;

	glyph.len = tm_utf8_decode(p, len, &c);
	if (glyph.len == 0) {
		glyph.len = 1;
		escape(&glyph, "\\x%02x", (unsigned char)p[0]);
		return glyph;
	}
	glyph.c = (wchar_t)c;
	if (c == '\n')
		escape(&glyph, "\\n", 0);
	else if (c == '\t')
		escape(&glyph, "\\t", 0);
	else if (tm_is_control(c))
		escape(&glyph, "\\x%02x", c);
	else if (c < 0x7f)
		return glyph;
	else if (!utf8 || is_invisible(c) ||
		 (glyph.width = wcwidth((wchar_t)c)) < 0)
		escape(&glyph, c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
	return glyph;
}

size_t text_width(struct tm_text text, bool utf8)
{
	size_t width = 0;

	for (size_t i = 0; i < text.len;) {
		struct glyph glyph = text_next(text.bytes + i, text.len - i, utf8);

		/* A mark without a base is given a column of its own. */
		width += glyph.width == 0 && width == 0 ? 1 : (size_t)glyph.width;
		i += glyph.len;
	}
	return width;
}

struct tm_text text_head(struct tm_text text, size_t width, bool utf8)
{
	size_t used = 0, i = 0;

	while (i < text.len) {
		struct glyph glyph = text_next(text.bytes + i, text.len - i, utf8);

		if (used + (size_t)glyph.width > width)
			break;
		used += (size_t)glyph.width;
		i += glyph.len;
	}
	return (struct tm_text){ text.bytes, i };
}

struct tm_text text_tail(struct tm_text text, size_t width, bool utf8)
{
	size_t total = text_width(text, utf8), i = 0;

	while (i < text.len && total > width) {
		struct glyph glyph = text_next(text.bytes + i, text.len - i, utf8);

		total -= total < (size_t)glyph.width ? total : (size_t)glyph.width;
		i += glyph.len;
	}
	/* Marks of a base that was cut off go with it. */
	while (i > 0 && i < text.len) {
		struct glyph glyph = text_next(text.bytes + i, text.len - i, utf8);

		if (glyph.width != 0)
			break;
		i += glyph.len;
	}
	return (struct tm_text){ text.bytes + i, text.len - i };
}

char *text_count(char buf[static 32], unsigned long long n)
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", n), used = 0;

	for (int i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			buf[used++] = ' ';
		buf[used++] = digits[i];
	}
	buf[used] = '\0';
	return buf;
}
