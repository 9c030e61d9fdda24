/*
 * The texts of all frames, made once, by rank and end to end: for formats in
 * which a traceback is its frames' texts joined. A frame is in many
 * tracebacks, and making its text costs far more than copying it.
 */
#ifndef TM_CODEC_PIECES_H
#define TM_CODEC_PIECES_H

#include "base/buf.h"
#include "codec/canon.h"

struct pieces {
	const struct canon *canon;
	struct tm_buf text;
	size_t *ends; /* by rank */
};

/* Append the text of the frame with this id. */
typedef void piece_fn(const struct canon *canon, tm_id frame, void *ctx,
		      struct tm_buf *text);

void pieces_init(struct pieces *pieces, const struct canon *canon,
		 piece_fn *make, void *ctx);
void pieces_deinit(struct pieces *pieces); /* zeroed is fine */

/* Append the texts of these frames with `separator` between them. */
void pieces_join(const struct pieces *pieces, const tm_id *frames, size_t n,
		 char separator, struct tm_buf *ret);

#endif
