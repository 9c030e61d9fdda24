/*
 * UTF-8 in which lone surrogates may occur (Python's "surrogatepass"), always
 * with its length. Names of files and code come from a target as such text.
 * No function reads past `len`; none fails for lack of memory (base/alloc.h).
 */
#ifndef TM_BASE_UTF8_H
#define TM_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * The code point at p, where `len` bytes (at least one) are left, and its
 * length in bytes. 0 if these bytes are not UTF-8: overlong, above U+10FFFF,
 * or cut off; *ret is then undefined. Surrogates are code points here.
 */
unsigned tm_utf8_decode(const char *p, size_t len, uint32_t *ret);
void tm_utf8_encode(struct tm_buf *buf, uint32_t code);

/* Strict: no surrogates, as every other program understands UTF-8. */
bool tm_utf8_is_valid(const char *bytes, size_t len);
/* The same, but lone surrogates are allowed. */
bool tm_utf8_is_text(const char *bytes, size_t len);

/* Bytes from the system as Python decodes them: each byte that is not part of
 * valid UTF-8 becomes U+DC80..U+DCFF ("surrogateescape"). */
void tm_utf8_add_escaped(struct tm_buf *buf, const char *bytes, size_t len);
/* The same of text that may hold surrogates already: they stay. */
void tm_utf8_add_repaired(struct tm_buf *buf, const char *bytes, size_t len);

static inline bool tm_is_surrogate(uint32_t code)
{
	return code >= 0xd800 && code <= 0xdfff;
}

/*
 * Text as a terminal may see it, always valid UTF-8: control characters but
 * TAB, and bytes that are not UTF-8, become \xNN; lone surrogates (Python's way
 * to keep undecodable bytes of a file name) \udcNN; characters that reorder a
 * line \u202e. All else stays as it is.
 */
void tm_utf8_add_visible(struct tm_buf *buf, const char *bytes, size_t len);

/* C0 and C1 controls and DEL: they drive a terminal. */
static inline bool tm_is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/* Line and paragraph separators, and what changes the reading direction: the
 * screen would show another text than the bytes say. */
static inline bool tm_is_reordering(uint32_t code)
{
	return code == 0x061c || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

#endif
