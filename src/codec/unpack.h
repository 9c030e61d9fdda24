/* Files that gzip, zlib, bzip2, xz or zstd have packed, as Python's modules of these
 * names write them, read as if they were not. */
#ifndef TM_CODEC_UNPACK_H
#define TM_CODEC_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tmattach/err.h"

struct unpack;

/* ".gz" and the like of a file that begins so; NULL: it is not packed. */
const char *unpack_suffix(const unsigned char *head, size_t len);

/*
 * A stream of what is packed in `file`, which it closes with itself if `close`
 * says so. *ret_unpack is good until then.
 */
FILE *unpack_open(FILE *file, bool close, const unsigned char *head, size_t len,
		  struct unpack **ret_unpack);

/* Did the unpacking fail? Then *err says how, instead of what the reader of the
 * stream made of it. */
bool unpack_failed(const struct unpack *unpack, struct tm_err *err);

#endif
