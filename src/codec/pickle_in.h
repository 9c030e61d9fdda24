/*
 * The bytes of a pickle, and the values its machine works on. Nothing is
 * built as Python would: a frame is a frame id, a tuple of frames a place in
 * a table, a trace a site and a size.
 */
#ifndef TM_CODEC_PICKLE_IN_H
#define TM_CODEC_PICKLE_IN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "tmattach/err.h"

enum value_kind {
	VALUE_UNSET, /* a memo place nothing was put in */
	VALUE_MARK,
	VALUE_NONE,
	VALUE_INT,    /* num; never negative */
	VALUE_STRING, /* id in the reader's own strings */
	VALUE_FRAME,  /* id: the builder's frame */
	VALUE_FRAMES, /* id: a list of codec/sites.h */
	VALUE_EMPTY,  /* the empty tuple */
	VALUE_TRACE,  /* id: the builder's site; num: size */
	VALUE_LIST,   /* the list of traces */
	VALUE_DICT,
	VALUE_CLASS,  /* id: enum pickle_class */
	VALUE_OBJECT, /* id: enum pickle_class */
};

enum pickle_class { CLASS_SNAPSHOT, CLASS_TRACES };

struct value {
	uint32_t kind; /* enum value_kind */
	uint32_t id;
	uint64_t num;
};

struct pickle_in {
	FILE *file;
	struct tm_err *err;
	bool failed;
	uint64_t offset; /* of the byte behind pos in the file */
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
uint64_t pickle_in_le(struct pickle_in *in, unsigned len);
/* Replaces buf with `len` bytes; memory grows only as bytes arrive. */
bool pickle_in_bytes(struct pickle_in *in, struct tm_buf *buf, uint64_t len);
/* A line of protocol 2's GLOBAL, without the newline. */
bool pickle_in_line(struct pickle_in *in, struct tm_buf *buf);
/* `len` bytes of two's complement, which must not be negative. */
uint64_t pickle_in_long(struct pickle_in *in, uint64_t len);

static inline int pickle_in_byte(struct pickle_in *in)
{
	return in->pos < in->end ? *in->pos++ : pickle_in_refill(in);
}

#endif
