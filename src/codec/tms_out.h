/*
 * The byte layer of a .tms writer, and of other formats of that make: varints ->
 * chunks -> zstd -> checksum -> file. The first failure sticks.
 */
#ifndef TM_CODEC_TMS_OUT_H
#define TM_CODEC_TMS_OUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <zstd.h>

#include "base/buf.h"
#include "codec/tms.h"
#include "tmattach/err.h"

struct tms_out {
	FILE *file;
	struct tm_err *err;
	bool failed;
	ZSTD_CCtx *zstd;
	char *packed;        /* OUT bytes on their way to the file */
	struct tm_buf chunk; /* the payload being gathered */
	uint32_t crc;
	uint64_t packed_bytes;
	uint64_t plain_bytes;
};

/* With the header; err stays until the end. */
void tms_out_begin(struct tms_out *out, FILE *file, const struct tms_kind *kind,
		   struct tm_err *err);
/* The end of the zstd frame, the trailer; frees. False if anything failed. */
bool tms_out_end(struct tms_out *out);

void tms_put(struct tms_out *out, uint64_t v);
/* What was gathered is a chunk. */
void tms_flush(struct tms_out *out, unsigned tag);
void tms_flush_if_full(struct tms_out *out, unsigned tag);

#endif
