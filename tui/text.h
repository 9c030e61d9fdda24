/*
 * Text of unknown origin as columns of a terminal.
 *
 * text_next() takes one character from model text (UTF-8 with lone
 * surrogates, NULs, or no UTF-8 at all) and says how to show it: itself, or as
 * an ASCII escape if it is not printable (or not ASCII where only ASCII can be
 * shown).
 */
#ifndef TUI_TEXT_H
#define TUI_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

#include "tmattach/model.h"

struct glyph {
	wchar_t c;        /* the character, or 0: `escape` is shown */
	int width;        /* columns; 0: a combining mark */
	size_t len;       /* bytes taken from the text, at least 1 */
	char escape[12];
};

/* `len` bytes are left at p, at least one. */
struct glyph text_next(const char *p, size_t len, bool utf8);

/* The columns a text takes. */
size_t text_width(struct tm_text text, bool utf8);

/* The longest tail of `text` that fits into `width` columns. */
struct tm_text text_tail(struct tm_text text, size_t width, bool utf8);

/* The same for the longest head. */
struct tm_text text_head(struct tm_text text, size_t width, bool utf8);

static inline struct tm_text text_of(const char *s)
{
	return (struct tm_text){ s, s ? __builtin_strlen(s) : 0 };
}

/* 1234567 as "1 234 567". Returns buf. */
char *text_count(char buf[static 32], unsigned long long n);

#endif
