#include "codec/tms_in.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"
#include "base/load.h"
#include "codec/codec.h"
#include "codec/tms.h"

enum { FILE_PIECE = 1 << 16, PLAIN_PIECE = 1 << 17 };

struct tms_in {
	FILE *file;
	struct tm_err *err;
	bool failed;
	bool frame_done;
	ZSTD_DCtx *zstd;
	uint32_t crc;          /* of all file bytes used so far */
	uint64_t offset;       /* how many those are */
	uint64_t plain_bytes;
	uint64_t left;         /* of the chunk, beyond pos */
	const unsigned char *pos, *end; /* plain bytes not yet taken */
	ZSTD_inBuffer packed;
	unsigned char *packed_bytes;
	unsigned char *plain;
};

bool tms_in_failed(const struct tms_in *in)
{
	return in->failed;
}

static void fail(struct tms_in *in)
{
	in->failed = true;
	in->left = 0;
	in->pos = in->end = in->plain;
}

bool tms_in_corrupt(struct tms_in *in, const char *what)
{
	if (!in->failed)
		codec_corrupt(in->err, in->offset, "%s", what);
	fail(in);
	return false;
}

/* More of the file; false at its end. */
static bool read_piece(struct tms_in *in)
{
	size_t n = fread(in->packed_bytes, 1, FILE_PIECE, in->file);

	in->packed = (ZSTD_inBuffer){ in->packed_bytes, n, 0 };
	if (n)
		return true;
	codec_short_read(in->err, in->file, in->offset);
	fail(in);
	return false;
}

static void use(struct tms_in *in, size_t from)
{
	size_t n = in->packed.pos - from;

	in->crc = (uint32_t)crc32_z(in->crc, in->packed_bytes + from, n);
	in->offset += n;
}

static bool raw_bytes(struct tms_in *in, unsigned char *to, size_t len)
{
	while (len) {
		size_t from, n;

		if (in->packed.pos == in->packed.size && !read_piece(in))
			return false;
		from = in->packed.pos;
		n = in->packed.size - from;
		if (n > len)
			n = len;
		memcpy(to, in->packed_bytes + from, n);
		in->packed.pos += n;
		use(in, from);
		to += n;
		len -= n;
	}
	return true;
}

/* Unpack one piece; plain bytes must have been used up. */
static bool unpack(struct tms_in *in)
{
	ZSTD_outBuffer to = { in->plain, PLAIN_PIECE, 0 };

	while (!to.pos && !in->frame_done) {
		size_t from, result;

		if (in->packed.pos == in->packed.size && !read_piece(in))
			return false;
		from = in->packed.pos;
		result = ZSTD_decompressStream(in->zstd, &to, &in->packed);
		use(in, from);
		if (ZSTD_isError(result))
			return tms_in_corrupt(in, ZSTD_getErrorName(result));
		in->frame_done = result == 0;
	}
	in->pos = in->plain;
	in->end = in->plain + to.pos;
	in->plain_bytes += to.pos;
	if (in->plain_bytes > TMS_EXPANSION_FREE +
	    TMS_EXPANSION_FACTOR * in->offset)
		return tms_in_corrupt(in, "it expands beyond any reasonable size");
	return to.pos != 0;
}

static bool more(struct tms_in *in)
{
	if (in->failed || unpack(in))
		return !in->failed;
	return tms_in_corrupt(in, "the data end within a table");
}

/* One byte of the chunk layer: not counted against a chunk. */
static unsigned char plain_byte(struct tms_in *in)
{
	if (in->pos == in->end && !more(in))
		return 0;
	return *in->pos++;
}

static uint64_t plain_varint(struct tms_in *in, uint64_t *ret_len)
{
	uint64_t v = 0, byte;
	unsigned n = 0;

	do {
		byte = plain_byte(in);
		if (n == 9 && byte > 1) {
			tms_in_corrupt(in, "a number beyond 64 bits");
			return 0;
		}
		v |= (byte & 0x7f) << 7 * n++;
	} while (byte & 0x80);
	*ret_len = n;
	return v;
}

uint64_t tms_in_varint(struct tms_in *in)
{
	uint64_t v, len;

	if (in->pos < in->end && in->left && *in->pos < 0x80) {
		in->left--;
		return *in->pos++;
	}
	v = plain_varint(in, &len);
	if (in->failed)
		return 0;
	if (len > in->left) {
		tms_in_corrupt(in, "a record crosses the end of its chunk");
		return 0;
	}
	in->left -= len;
	return v;
}

/* One of the three bytes at p must lack the top bit. */
static inline const unsigned char *decode(const unsigned char *p, uint64_t *to)
{
	uint64_t v = *p & 0x7f;

	for (unsigned shift = 7; *p++ & 0x80; shift += 7)
		v |= (uint64_t)(*p & 0x7f) << shift;
	*to = v;
	return p;
}

/* Where the end of buffer and chunk are far: one to three bytes, the rest is
 * left to the careful way. */
void tms_in_varints(struct tms_in *in, uint64_t *to, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t sure = (size_t)(in->end - in->pos);
		const unsigned char *p = in->pos;

		if (sure > in->left)
			sure = in->left;
		for (const unsigned char *stop = p + sure; i < n &&
		     stop - p >= 3 && !(p[0] & p[1] & p[2] & 0x80); i++)
			p = decode(p, &to[i]);
		in->left -= (uint64_t)(p - in->pos);
		in->pos = p;
		if (i < n)
			to[i++] = tms_in_varint(in);
		if (in->failed)
			return;
	}
}

uint64_t tms_in_bounded(struct tms_in *in, uint64_t max, const char *what)
{
	uint64_t v = tms_in_varint(in);

	if (v <= max)
		return v;
	tms_in_corrupt(in, what);
	return 0;
}

void tms_in_bytes(struct tms_in *in, void *to, size_t len)
{
	char *at = to;

	if (len > in->left)
		tms_in_corrupt(in, "a record crosses the end of its chunk");
	while (len && !in->failed) {
		size_t n = (size_t)(in->end - in->pos);

		if (!n) {
			more(in);
			continue;
		}
		if (n > len)
			n = len;
		memcpy(at, in->pos, n);
		in->pos += n;
		in->left -= n;
		at += n;
		len -= n;
	}
}

void tms_in_skip(struct tms_in *in, uint64_t len)
{
	if (len > in->left)
		tms_in_corrupt(in, "a record crosses the end of its chunk");
	while (len && !in->failed) {
		uint64_t n = (uint64_t)(in->end - in->pos);

		if (!n) {
			more(in);
			continue;
		}
		if (n > len)
			n = len;
		in->pos += n;
		in->left -= n;
		len -= n;
	}
}

uint64_t tms_in_left(const struct tms_in *in)
{
	return in->left;
}

uint64_t tms_in_chunk(struct tms_in *in)
{
	uint64_t tag, len;

	tms_in_skip(in, in->left);
	tag = plain_varint(in, &len);
	in->left = 0;
	len = plain_varint(in, &len);
	if (!in->failed)
		in->left = len;
	return in->failed ? TMS_END : tag;
}

bool tms_in_finish(struct tms_in *in)
{
	unsigned char trailer[TMS_TRAILER];
	uint32_t crc;

	tms_in_skip(in, in->left);
	if (in->failed)
		return false;
	if (in->pos < in->end || unpack(in))
		return tms_in_corrupt(in, "data after the last table");
	crc = in->crc;
	if (in->failed || !raw_bytes(in, trailer, sizeof(trailer)))
		return false;
	if (tm_load_u32(trailer, 0) != crc)
		return tms_in_corrupt(in, "the checksum of the file is wrong");
	if (in->packed.pos < in->packed.size || fgetc(in->file) != EOF)
		return tms_in_corrupt(in, "data after the end");
	return true;
}

static bool check_header(struct tms_in *in, const struct tms_kind *kind)
{
	unsigned char header[TMS_HEADER];

	if (!raw_bytes(in, header, sizeof(header)))
		return false;
	if (memcmp(header, kind->magic, 8) != 0) {
		fail(in);
		return codec_corrupt(in->err, 0, "not the beginning of a %s file",
				     kind->suffix);
	}
	if (tm_load_u16(header, 8) == kind->major)
		return true;
	tm_err_set(in->err, TM_ERR_UNSUPPORTED, NULL,
		   "version %u.%u of the %s format (at byte 8); this tmattach reads %u.x",
		   tm_load_u16(header, 8), tm_load_u16(header, 10), kind->suffix,
		   kind->major);
	return tm_err_hint(in->err, "open it with a newer tmattach");
}

struct tms_in *tms_in_open(FILE *file, const struct tms_kind *kind,
			   struct tm_err *err)
{
	struct tms_in *in = tm_calloc(1, sizeof(*in));

	in->file = file;
	in->err = err;
	in->zstd = ZSTD_createDCtx();
	if (!in->zstd)
		tm_out_of_memory();
	ZSTD_DCtx_setParameter(in->zstd, ZSTD_d_windowLogMax, TMS_WINDOW_LOG);
	in->packed_bytes = tm_malloc(FILE_PIECE);
	in->plain = tm_malloc(PLAIN_PIECE);
	in->pos = in->end = in->plain;
	if (check_header(in, kind))
		return in;
	tms_in_close(in);
	return NULL;
}

void tms_in_close(struct tms_in *in)
{
	if (!in)
		return;
	ZSTD_freeDCtx(in->zstd);
	free(in->packed_bytes);
	free(in->plain);
	free(in);
}
