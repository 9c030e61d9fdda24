/* The text of a source file, cut into lines. A zeroed struct is an empty one. */
#ifndef TM_SESSION_SOURCE_TEXT_H
#define TM_SESSION_SOURCE_TEXT_H

#include <stdint.h>

#include "base/buf.h"

/* A larger file is not source text that a person wrote; and a name from the
 * target may point anywhere. */
#define TM_SOURCE_MAX ((size_t)16 << 20)

struct tm_source_text {
	struct tm_buf text;  /* UTF-8 */
	uint32_t *starts;    /* byte offset of each line; nlines + 1 of them */
	uint32_t nlines;
	size_t cap;
};

void tm_source_text_free(struct tm_source_text *source); /* back to empty */

/* Cut what `text` holds: a line ends with \n, \r\n or \r (universal newlines). */
void tm_source_text_cut(struct tm_source_text *source);

/* Add a line that is one already, whatever is in it. */
void tm_source_text_add(struct tm_source_text *source, const char *bytes, size_t len);

/* A line as str.strip() leaves it, malloc'ed; NULL if nothing is left, or there
 * is no such line. `lineno` counts from 1. */
char *tm_source_text_line(const struct tm_source_text *source, uint32_t lineno);

#endif
