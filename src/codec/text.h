/*
 * Text of the model: UTF-8 in which lone surrogates may stand (Python's
 * "surrogatepass"), length-counted.
 */
#ifndef TM_CODEC_TEXT_H
#define TM_CODEC_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * The code point at p and its length in bytes; 0 if the bytes are no UTF-8
 * (overlong, beyond U+10FFFF, cut off). Surrogates are code points here.
 */
unsigned text_decode(const char *p, size_t len, uint32_t *ret);
void text_encode(struct tm_buf *buf, uint32_t code);
bool text_is_valid(const char *bytes, size_t len);

/* Bytes from the file system as Python decodes them: what is not UTF-8
 * becomes U+DC80..U+DCFF ("surrogateescape"). */
void text_from_fs(struct tm_buf *buf, const char *bytes, size_t len);

static inline bool text_is_surrogate(uint32_t code)
{
	return code >= 0xd800 && code <= 0xdfff;
}

/* What drives a terminal: C0 and C1 controls. */
static inline bool text_is_control(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/* Line and paragraph separators, and what changes the reading direction. */
static inline bool text_reorders(uint32_t code)
{
	return code == 0x061c || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

#endif
