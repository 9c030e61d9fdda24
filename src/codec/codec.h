/*
 * What the formats of this room share: the registry's declarations and the
 * way a reader reports a bad byte.
 */
#ifndef TM_CODEC_CODEC_H
#define TM_CODEC_CODEC_H

#include <stdio.h>

#include "tmattach/file.h"

#define CODEC(name) extern const struct tm_codec codec_##name;
#include "codec/codecs.def"
#undef CODEC

/* A name longer than this is refused in files, before memory is allocated. */
#define CODEC_MAX_STRING (16u << 20)

/* TM_ERR_CORRUPT: "damaged at byte OFFSET: WHAT". Always returns false. */
bool codec_corrupt(struct tm_err *err, uint64_t offset, const char *what, ...)
	TM_PRINTF(3, 4);
/* The stream's own failure if it has one, else "ends too early at OFFSET". */
bool codec_short_read(struct tm_err *err, FILE *in, uint64_t offset);
/* True unless the stream has failed; then *err says how (errno's text). */
bool codec_written(FILE *out, struct tm_err *err);

/* Which of several snapshots in one file is to be read. */
struct codec_part {
	size_t nth;  /* counted from 1; 0: the file's only one */
	size_t seen; /* how many have gone by */
	bool more;   /* out: others follow the one that was read, as in a file
		      * that was dumped to twice */
};

/* Whatever writes a file. */
struct codec_writer {
	bool (*write)(void *ctx, FILE *out, struct tm_err *err);
	void *ctx;
};

/* As tm_snapshot_save() does. */
bool codec_save(const char *path, const struct codec_writer *writer,
		struct tm_err *err);

/* A file opened for reading, its first bytes already examined. */
struct codec_input {
	FILE *file;
	unsigned char head[512];
	size_t nhead;
	bool close;
	const char *packed;    /* ".gz": file is what is unpacked; or NULL */
	struct unpack *unpack; /* of such a file, as long as that is open */
};

/* Reports how far reading is to `progress`, which may be NULL. */
bool codec_input_open(struct codec_input *input, const char *path,
		      const struct tm_progress *progress, struct tm_err *err);
void codec_input_close(struct codec_input *input);

/* Is it a packed core file? Then *err says so. */
bool codec_input_is_core(const struct codec_input *input, struct tm_err *err);

#endif
