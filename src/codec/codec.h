/*
 * What the formats of this room share: the registry's declarations and the
 * way a reader reports a bad byte.
 */
#ifndef TM_CODEC_CODEC_H
#define TM_CODEC_CODEC_H

#include <stdio.h>

#include "tmattach/codec.h"

#define CODEC(name) extern const struct tm_codec codec_##name;
#include "codec/codecs.def"
#undef CODEC

/* A name longer than this is refused in files, before memory is taken. */
#define CODEC_MAX_STRING (16u << 20)

/* TM_ERR_CORRUPT: "damaged at byte OFFSET: WHAT". Always returns false. */
bool codec_corrupt(struct tm_err *err, uint64_t offset, const char *what, ...)
	TM_PRINTF(3, 4);
/* The stream's own failure if it has one, else "ends too early at OFFSET". */
bool codec_short_read(struct tm_err *err, FILE *in, uint64_t offset);
/* True unless the stream has failed; then *err says how (errno's text). */
bool codec_written(FILE *out, struct tm_err *err);

/* A file opened for reading, its first bytes already looked at. */
struct codec_input {
	FILE *file;
	unsigned char head[512];
	size_t nhead;
	bool close;
};

/* With `progress` (may be NULL) the reading is told. */
bool codec_input_open(struct codec_input *input, const char *path,
		      const struct tm_progress *progress, struct tm_err *err);
void codec_input_close(struct codec_input *input);

#endif
