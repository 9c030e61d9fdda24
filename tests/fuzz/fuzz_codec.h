/*
 * One file reader under the fuzzer: any bytes give a snapshot or one error.
 * A snapshot must then survive being written and read back.
 */
#ifndef FUZZ_CODEC_H
#define FUZZ_CODEC_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tmattach/file.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static inline struct tm_snapshot *fuzz_read(const char *format,
					    const void *data, size_t size)
{
	struct tm_builder *builder = tm_builder_create();
	struct tm_meta meta = { 0 };
	struct tm_err err = { 0 };
	struct tm_snapshot *snapshot = NULL;
	FILE *in = size ? fmemopen((void *)data, size, "r") :
			  fopen("/dev/null", "r");

	if (!in)
		abort();
	if (tm_codec_by_name(format)->read(in, builder, &meta, &err))
		snapshot = tm_builder_finish(builder, &meta, &err);
	else
		tm_builder_destroy(builder);
	fclose(in);
	if (!snapshot && (err.kind == TM_ERR_NONE || !err.cause[0]))
		abort();
	return snapshot;
}

/* A file may claim 2^32 traces in one row: the text formats would list them. */
static inline void fuzz_round_trip(const char *format,
				   const struct tm_snapshot *snapshot)
{
	static const struct tm_codec_opts opts;
	struct tm_snapshot *back;
	struct tm_err err;
	char *bytes = NULL;
	size_t len = 0;
	FILE *out;

	if (snapshot->total_count > 10000)
		return;
	out = open_memstream(&bytes, &len);
	if (!tm_codec_by_name(format)->write(snapshot, out, &opts, &err))
		abort();
	fclose(out);
	back = fuzz_read(format, bytes, len);
	if (!back || back->total_size != snapshot->total_size ||
	    back->total_count != snapshot->total_count)
		abort();
	tm_snapshot_destroy(back);
	free(bytes);
}

static inline int fuzz_codec(const char *format, const void *data, size_t size)
{
	struct tm_snapshot *snapshot = fuzz_read(format, data, size);

	if (snapshot) {
		fuzz_round_trip(format, snapshot);
		fuzz_round_trip("tms", snapshot);
	}
	tm_snapshot_destroy(snapshot);
	return 0;
}

#endif
