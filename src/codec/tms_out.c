#include "codec/tms_out.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "codec/codec.h"

enum { LEVEL = 3, CHUNK = 1 << 18, OUT = 1 << 17 };


static void put_file(struct tms_out *out, const void *bytes, size_t len)
{
	if (out->failed)
		return;
	out->crc = (uint32_t)crc32_z(out->crc, bytes, len);
	out->packed_bytes += len;
	if (fwrite(bytes, 1, len, out->file) != len)
		out->failed = !codec_written(out->file, out->err);
}

static void pack(struct tms_out *out, const void *bytes, size_t len,
		 ZSTD_EndDirective mode)
{
	ZSTD_inBuffer in = { bytes, len, 0 };
	size_t left;

	out->plain_bytes += len;
	do {
		ZSTD_outBuffer to = { out->packed, OUT, 0 };

		left = ZSTD_compressStream2(out->zstd, &to, &in, mode);
		if (ZSTD_isError(left) && !out->failed) {
			out->failed = true;
			tm_err_set(out->err, TM_ERR_LIMIT, NULL,
				   "cannot compress: %s",
				   ZSTD_getErrorName(left));
		}
		put_file(out, out->packed, to.pos);
	} while (!out->failed &&
		 (mode == ZSTD_e_end ? left != 0 : in.pos < in.size));
}

static size_t varint(unsigned char *at, uint64_t v)
{
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		at[n++] = (unsigned char)(v | 0x80);
	at[n++] = (unsigned char)v;
	return n;
}

void tms_put(struct tms_out *out, uint64_t v)
{
	unsigned char *at = (unsigned char *)tm_buf_room(&out->chunk, 10);

	out->chunk.len += varint(at, v);
}

void tms_flush(struct tms_out *out, unsigned tag)
{
	unsigned char head[20];
	size_t n = varint(head, tag);

	n += varint(head + n, out->chunk.len);
	pack(out, head, n, ZSTD_e_continue);
	pack(out, out->chunk.data, out->chunk.len, ZSTD_e_continue);
	tm_buf_clear(&out->chunk);
}

void tms_flush_if_full(struct tms_out *out, unsigned tag)
{
	if (out->chunk.len >= CHUNK)
		tms_flush(out, tag);
}

/* ---- begin and end ---------------------------------------------------------- */

void tms_out_begin(struct tms_out *out, FILE *file, const struct tms_kind *kind,
		   struct tm_err *err)
{
	unsigned char header[TMS_HEADER];

	*out = (struct tms_out){ .file = file, .err = err };
	out->zstd = ZSTD_createCCtx();
	if (!out->zstd)
		tm_out_of_memory();
	ZSTD_CCtx_setParameter(out->zstd, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(out->zstd, ZSTD_c_checksumFlag, 1);
	out->packed = tm_malloc(OUT);
	memset(header, 0, sizeof(header));
	memcpy(header, kind->magic, 8);
	header[8] = (unsigned char)kind->major;
	header[10] = (unsigned char)kind->minor;
	put_file(out, header, sizeof(header));
}

static void put_trailer(struct tms_out *out)
{
	unsigned char crc[TMS_TRAILER];

	for (int i = 0; i < TMS_TRAILER; i++)
		crc[i] = (unsigned char)(out->crc >> 8 * i);
	put_file(out, crc, sizeof(crc));
	if (!out->failed && out->plain_bytes > TMS_EXPANSION_FREE +
	    TMS_EXPANSION_FACTOR * out->packed_bytes)
		out->failed = !tm_err_set(out->err, TM_ERR_LIMIT, NULL,
			"so regular that no reader would believe the file");
}

bool tms_out_end(struct tms_out *out)
{
	pack(out, NULL, 0, ZSTD_e_end);
	put_trailer(out);
	ZSTD_freeCCtx(out->zstd);
	free(out->packed);
	tm_buf_free(&out->chunk);
	return !out->failed;
}
