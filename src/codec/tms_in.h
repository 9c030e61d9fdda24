/*
 * The byte layer of a .tms reader: file -> checksum -> zstd -> chunks ->
 * varints. The first failure sticks; everything after it yields zeros, so
 * that the tables above need to look only once per record.
 */
#ifndef TM_CODEC_TMS_IN_H
#define TM_CODEC_TMS_IN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "codec/tms.h"
#include "tmattach/err.h"

struct tms_in;

/* Reads and checks the header; NULL with *err. */
struct tms_in *tms_in_open(FILE *file, const struct tms_kind *kind,
			   struct tm_err *err);
void tms_in_close(struct tms_in *in); /* NULL is fine */

bool tms_in_failed(const struct tms_in *in);
/* Remember that the data make no sense here; always returns false. */
bool tms_in_corrupt(struct tms_in *in, const char *what);

/* The next chunk's tag; the rest of the chunk before is skipped. */
uint64_t tms_in_chunk(struct tms_in *in);
/* Bytes left in this chunk. */
uint64_t tms_in_left(const struct tms_in *in);
uint64_t tms_in_varint(struct tms_in *in);
/* n of them at once: most of the reading time of a big file is here. */
void tms_in_varints(struct tms_in *in, uint64_t *to, size_t n);
/* A varint that must be at most `max`. */
uint64_t tms_in_bounded(struct tms_in *in, uint64_t max, const char *what);
void tms_in_bytes(struct tms_in *in, void *to, size_t len);
void tms_in_skip(struct tms_in *in, uint64_t len);

/* After the last chunk: end of the zstd frame, checksum, end of file. */
bool tms_in_finish(struct tms_in *in);

#endif
