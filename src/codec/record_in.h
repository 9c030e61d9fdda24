/*
 * Records of text formats, one at a time into a buffer, with the offset they
 * began at. Memory follows what really is in the file, up to a bound.
 */
#ifndef TM_CODEC_RECORD_IN_H
#define TM_CODEC_RECORD_IN_H

#include <stdio.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "tmattach/err.h"

/* A traceback of 65535 frames with long names stays below this. */
enum { RECORD_MAX = 16 << 20 };

struct record_in {
	FILE *file;
	struct tm_err *err;
	uint64_t offset; /* of the next byte */
	uint64_t start;  /* of the record in the buffer */
	unsigned nested; /* JSON: objects and lists in the buffer */
	struct tm_buf text;
};

static inline int record_getc(struct record_in *in)
{
	int c = getc_unlocked(in->file);

	in->offset += c != EOF;
	return c;
}

/* Append one byte; there is always room for the NUL after it. */
static inline void record_add(struct record_in *in, int c)
{
	struct tm_buf *buf = &in->text;

	if (buf->len + 2 > buf->cap)
		tm_buf_room(buf, 4096);
	buf->data[buf->len++] = (char)c;
	buf->data[buf->len] = '\0';
}

#endif
