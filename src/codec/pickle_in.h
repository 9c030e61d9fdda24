/*
 * The bytes of a pickle, and the values its machine works on. Nothing is
 * built as Python would: a frame is a frame id, a tuple of frames a place in
 * a table, a trace a place and a size; what no snapshot consists of keeps its
 * kind alone.
 */
#ifndef TM_CODEC_PICKLE_IN_H
#define TM_CODEC_PICKLE_IN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "tmattach/err.h"

enum value_kind {
	VALUE_UNSET, /* a memo place nothing was put in; an attribute not there */
	VALUE_MARK,
	VALUE_NONE,
	VALUE_INT,    /* num; never negative, below 2^64 */
	VALUE_STRING, /* id in the reader's own strings */
	VALUE_FRAME,  /* id: the builder's frame */
	VALUE_FRAMES, /* id: a list of codec/sites.h */
	VALUE_TRACE,  /* id: a place of codec/pickle_shape.h; num: size */
	VALUE_CLASS,  /* id: its name, in the reader's own strings */
	VALUE_NODE,   /* id: a container or an object of codec/pickle_node.h */
	VALUE_OTHER,  /* id: enum other_kind */
};

/* Of these no snapshot consists; the kind is for messages. */
enum other_kind {
	OTHER_INT, OTHER_BOOL, OTHER_FLOAT, OTHER_STRING, OTHER_BYTES,
	OTHER_EXTERNAL, /* a persistent id, an extension, a buffer */
};

struct value {
	uint32_t kind; /* enum value_kind */
	uint32_t id;
	uint64_t num;
};

struct pickle_in {
	FILE *file;
	struct tm_err *err;
	bool failed;
	uint64_t offset; /* of the byte after end in the file */
	const unsigned char *pos, *end;
	unsigned char *bytes;
};

void pickle_in_init(struct pickle_in *in, FILE *file, struct tm_err *err);
void pickle_in_deinit(struct pickle_in *in);

/* Remember what is wrong here; the first failure sticks. Returns false. */
bool pickle_in_corrupt(struct pickle_in *in, const char *what);
/* Where the next byte is in the file. */
uint64_t pickle_in_offset(const struct pickle_in *in);
int pickle_in_refill(struct pickle_in *in); /* the next byte; 0 on failure */
/* The next byte, which stays there; EOF at the end of the file. */
int pickle_in_peek(struct pickle_in *in);
uint64_t pickle_in_le(struct pickle_in *in, unsigned len);
/* Replaces buf with `len` bytes; memory grows only as bytes arrive. */
bool pickle_in_bytes(struct pickle_in *in, struct tm_buf *buf, uint64_t len);
void pickle_in_skip(struct pickle_in *in, uint64_t len);
/* A line of the opcodes that are text, without the newline. */
bool pickle_in_line(struct pickle_in *in, struct tm_buf *buf);
/* `len` bytes of two's complement: VALUE_INT, or an OTHER_INT. */
struct value pickle_in_long(struct pickle_in *in, uint64_t len);
/* The text of protocol 0's INT and LONG: "12", "01" (True), "-3", "12L". */
struct value pickle_in_decimal(const struct tm_buf *line);

static inline int pickle_in_byte(struct pickle_in *in)
{
	return in->pos < in->end ? *in->pos++ : pickle_in_refill(in);
}

#endif
