/*
 * CSV as in RFC 4180: a header row, CRLF, quotes where needed.
 *
 * A traceback is one field: its frames, oldest first, joined by ";". A frame
 * is FILENAME:LINENO, a native one FILENAME:LINENO(FUNCTION). In it, \\ is a
 * backslash, \; a semicolon, \( a parenthesis in a native frame's file name, and
 * \uXXXX a control character, a mark of the reading direction or a lone
 * surrogate, so that it can be taken apart again. Plain name fields have the
 * \uXXXX too, but leave backslashes alone.
 */
#ifndef TM_CODEC_CSV_H
#define TM_CODEC_CSV_H

#include "base/buf.h"
#include "tmattach/model.h"

#define CSV_TRACES_HEADER "domain,size,total_nframe,traceback"

/* Add a field's text, quoted if needed; commas are the caller's. */
void csv_add_field(struct tm_buf *row, const char *text, size_t len);
/* A name as a field of its own. */
void csv_add_name(struct tm_buf *row, struct tm_text name);
/* The same of bytes of the system, as Python decodes them. */
void csv_add_bytes(struct tm_buf *row, const char *s);
/* Add one frame to the text of a traceback field (before quoting). */
void csv_add_frame(struct tm_buf *text, struct tm_frame_view frame);

#endif
