/* Python source bytes -> UTF-8, as tokenize.open() decodes them. */
#ifndef TM_SESSION_SOURCE_DECODE_H
#define TM_SESSION_SOURCE_DECODE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * Replace the bytes by their text in UTF-8: PEP 263 cookie, byte order mark.
 * False where Python would refuse the file (unknown encoding, bad bytes).
 */
bool tm_source_decode(struct tm_buf *source);

#endif
