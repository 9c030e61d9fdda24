/* Text in one of the encodings of old -> UTF-8, without the C library's iconv(). */
#ifndef TM_SESSION_SOURCE_CHARSET_H
#define TM_SESSION_SOURCE_CHARSET_H

#include <stdbool.h>

#include "base/buf.h"

/*
 * Replace the bytes by their text in UTF-8. The name is one of Python's; case and
 * separators do not matter. False for an unknown encoding and for bytes that are
 * not characters of it.
 */
bool tm_charset_decode(struct tm_buf *text, const char *name);

#endif
