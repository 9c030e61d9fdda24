/*
 * What the formats of other tools have in common: names that any reader can
 * show, and sites that differ only in what these formats do not know.
 */
#ifndef TM_CODEC_EXPORT_H
#define TM_CODEC_EXPORT_H

#include "base/buf.h"
#include "codec/canon.h"

/*
 * Append a text as valid UTF-8 without control characters: \x1b, \udcff,
 * \u202e, and a backslash is doubled, so that different texts stay different.
 * The characters of `also` (ASCII) are also written as \x3b.
 */
void export_text(struct tm_buf *buf, struct tm_text text, const char *also);

/*
 * Append what a frame is called where there is one name only: for Python
 * "FUNCTION (FILE:LINE)", "FILE:LINE" if the function is unknown; the function for
 * native code ("MODULE+0xADDRESS" if unknown).
 */
void export_label(struct tm_buf *buf, struct tm_frame_view frame,
		  const char *also);

/* Where file and line have places of their own: the function, if it is known, else
 * as above. */
void export_name(struct tm_buf *buf, struct tm_frame_view frame, const char *also);

/*
 * The sites of a snapshot in canonical order, those of the same frames (other
 * domains, other total_nframe) as one. Going through them is reported as progress.
 */
struct export_stack {
	const tm_id *frames; /* ids, oldest first */
	uint32_t nframe;
	uint64_t size, count;
};

/* The stack that begins at site rank *at; moves *at past it. False at the
 * end. */
bool export_next(const struct canon *canon, size_t *at,
		 struct export_stack *ret);

#endif
