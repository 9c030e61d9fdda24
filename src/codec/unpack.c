#include "codec/unpack.h"

#include <bzlib.h>
#include <errno.h>
#include <inttypes.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "base/alloc.h"

enum {
	PIECE = 1 << 16,
	GZIP_WINDOW = 15 + 32, /* or zlib's own head */
	XZ_MEMORY = 192 << 20, /* xz -9 takes 65 MiB */
	/* A file this many times as large as its packed form, beyond the first
	 * bytes, was made to fill the memory. */
	MAX_RATIO = 250, FREE_BYTES = 16 << 20,
};

struct unpack {
	FILE *file;
	bool close;
	const struct packer *packer;
	union {
		z_stream gzip;
		bz_stream bzip2;
		lzma_stream xz;
		ZSTD_DStream *zstd;
	} by;
	unsigned char in[PIECE];
	size_t pos, len;
	uint64_t nin, nout;
	bool between;       /* a packed stream has ended */
	const char *failed; /* why; NULL: it has not */
	int os_errno;
};

enum step { STEP_MORE, STEP_END, STEP_BAD };

struct packer {
	const char *name, *suffix, *magic;
	size_t nmagic;
	bool (*begin)(struct unpack *u);
	/* Some of in[pos..len) to `out`: *size becomes what is there now. */
	enum step (*step)(struct unpack *u, char *out, size_t *size);
	void (*end)(struct unpack *u);
};

/* ---- gzip ------------------------------------------------------------------ */

static bool gzip_start(struct unpack *u)
{
	u->by.gzip = (z_stream){ 0 };
	return inflateInit2(&u->by.gzip, GZIP_WINDOW) == Z_OK;
}

static enum step gzip_step(struct unpack *u, char *out, size_t *size)
{
	z_stream *z = &u->by.gzip;
	int how;

	z->next_in = u->in + u->pos;
	z->avail_in = (uInt)(u->len - u->pos);
	z->next_out = (unsigned char *)out;
	z->avail_out = (uInt)*size;
	how = inflate(z, Z_NO_FLUSH);
	u->pos = u->len - z->avail_in;
	*size -= z->avail_out;
	return how == Z_STREAM_END ? STEP_END :
	       how == Z_OK || how == Z_BUF_ERROR ? STEP_MORE : STEP_BAD;
}

static void gzip_stop(struct unpack *u)
{
	inflateEnd(&u->by.gzip);
}

/* ---- bzip2 ----------------------------------------------------------------- */

static bool bzip2_start(struct unpack *u)
{
	u->by.bzip2 = (bz_stream){ 0 };
	return BZ2_bzDecompressInit(&u->by.bzip2, 0, 0) == BZ_OK;
}

static enum step bzip2_step(struct unpack *u, char *out, size_t *size)
{
	bz_stream *bz = &u->by.bzip2;
	int how;

	bz->next_in = (char *)u->in + u->pos;
	bz->avail_in = (unsigned)(u->len - u->pos);
	bz->next_out = out;
	bz->avail_out = (unsigned)*size;
	how = BZ2_bzDecompress(bz);
	u->pos = u->len - bz->avail_in;
	*size -= bz->avail_out;
	return how == BZ_STREAM_END ? STEP_END :
	       how == BZ_OK ? STEP_MORE : STEP_BAD;
}

static void bzip2_stop(struct unpack *u)
{
	BZ2_bzDecompressEnd(&u->by.bzip2);
}

/* ---- xz -------------------------------------------------------------------- */

static bool xz_start(struct unpack *u)
{
	u->by.xz = (lzma_stream)LZMA_STREAM_INIT;
	return lzma_stream_decoder(&u->by.xz, XZ_MEMORY, 0) == LZMA_OK;
}

static enum step xz_step(struct unpack *u, char *out, size_t *size)
{
	lzma_stream *xz = &u->by.xz;
	lzma_ret how;

	xz->next_in = u->in + u->pos;
	xz->avail_in = u->len - u->pos;
	xz->next_out = (unsigned char *)out;
	xz->avail_out = *size;
	how = lzma_code(xz, LZMA_RUN);
	u->pos = u->len - xz->avail_in;
	*size -= xz->avail_out;
	return how == LZMA_STREAM_END ? STEP_END :
	       how == LZMA_OK || how == LZMA_BUF_ERROR ? STEP_MORE : STEP_BAD;
}

static void xz_stop(struct unpack *u)
{
	lzma_end(&u->by.xz);
}

/* ---- zstd ------------------------------------------------------------------ */

static bool zstd_start(struct unpack *u)
{
	u->by.zstd = ZSTD_createDStream();
	return u->by.zstd != NULL;
}

static enum step zstd_step(struct unpack *u, char *out, size_t *size)
{
	ZSTD_inBuffer in = { u->in, u->len, u->pos };
	ZSTD_outBuffer to = { out, *size, 0 };
	size_t how = ZSTD_decompressStream(u->by.zstd, &to, &in);

	u->pos = in.pos;
	*size = to.pos;
	return ZSTD_isError(how) ? STEP_BAD : how == 0 ? STEP_END : STEP_MORE;
}

static void zstd_stop(struct unpack *u)
{
	ZSTD_freeDStream(u->by.zstd);
}

static const struct packer packers[] = {
	{ "gzip", ".gz", "\x1f\x8b\x08", 3, gzip_start, gzip_step, gzip_stop },
	{ "zlib", ".z", "\x78\x01", 2, gzip_start, gzip_step, gzip_stop },
	{ "zlib", ".z", "\x78\x5e", 2, gzip_start, gzip_step, gzip_stop },
	{ "zlib", ".z", "\x78\x9c", 2, gzip_start, gzip_step, gzip_stop },
	{ "zlib", ".z", "\x78\xda", 2, gzip_start, gzip_step, gzip_stop },
	{ "bzip2", ".bz2", "BZh", 3, bzip2_start, bzip2_step, bzip2_stop },
	{ "xz", ".xz", "\xfd" "7zXZ", 6, xz_start, xz_step, xz_stop },
	{ "zstd", ".zst", "\x28\xb5\x2f\xfd", 4, zstd_start, zstd_step, zstd_stop },
};

static const struct packer *find_packer(const unsigned char *head, size_t len)
{
	for (size_t i = 0; i < sizeof(packers) / sizeof(packers[0]); i++)
		if (len >= packers[i].nmagic &&
		    memcmp(head, packers[i].magic, packers[i].nmagic) == 0)
			return &packers[i];
	return NULL;
}

const char *unpack_suffix(const unsigned char *head, size_t len)
{
	const struct packer *packer = find_packer(head, len);

	return packer ? packer->suffix : NULL;
}

/* ---- the stream ------------------------------------------------------------- */

static ssize_t give_up(struct unpack *u, const char *why)
{
	if (!u->failed)
		u->failed = why;
	errno = EIO;
	return -1;
}

/* More of the file; false at its end. */
static bool refill(struct unpack *u)
{
	if (u->pos < u->len)
		return true;
	u->pos = 0;
	u->len = fread(u->in, 1, PIECE, u->file);
	u->nin += u->len;
	if (!u->len && ferror(u->file))
		u->os_errno = errno;
	return u->len > 0;
}

/* Packed streams may follow one another, as `cat a.gz b.gz` gives them. */
static bool begin_next(struct unpack *u)
{
	if (!refill(u) || u->in[u->pos] != (unsigned char)u->packer->magic[0])
		return false;
	u->packer->end(u);
	if (!u->packer->begin(u))
		tm_out_of_memory();
	u->between = false;
	return true;
}

static ssize_t unpack_read(void *cookie, char *buf, size_t size)
{
	struct unpack *u = cookie;
	enum step step;
	size_t n;

	do {
		if (u->failed)
			return give_up(u, u->failed);
		if (u->between && !begin_next(u))
			return 0;
		if (!refill(u))
			return give_up(u, "ends too early");
		n = size;
		step = u->packer->step(u, buf, &n);
		if (step == STEP_BAD)
			return give_up(u, "is damaged");
		u->between = step == STEP_END;
		u->nout += n;
		if (u->nout > FREE_BYTES && u->nout / MAX_RATIO > u->nin)
			return give_up(u, "unpacks to more than any snapshot does");
	} while (!n);
	return (ssize_t)n;
}

static int unpack_close(void *cookie)
{
	struct unpack *u = cookie;

	u->packer->end(u);
	if (u->close)
		fclose(u->file);
	free(u);
	return 0;
}

FILE *unpack_open(FILE *file, bool close, const unsigned char *head, size_t len,
		  struct unpack **ret_unpack)
{
	struct unpack *u = tm_calloc(1, sizeof(*u));
	cookie_io_functions_t io = { .read = unpack_read, .close = unpack_close };
	FILE *stream;

	u->file = file;
	u->close = close;
	u->packer = find_packer(head, len);
	if (!u->packer || !u->packer->begin(u))
		tm_out_of_memory();
	stream = fopencookie(u, "r", io);
	if (stream)
		setvbuf(stream, NULL, _IOFBF, PIECE);
	else
		tm_out_of_memory();
	*ret_unpack = u;
	return stream;
}

bool unpack_failed(const struct unpack *u, struct tm_err *err)
{
	if (u->os_errno) {
		tm_err_os(err, u->os_errno, NULL, "cannot read");
		return true;
	}
	if (!u->failed)
		return false;
	tm_err_set(err, TM_ERR_CORRUPT, NULL, "what %s has packed %s, before byte %"
		   PRIu64, u->packer->name, u->failed, u->nin - (u->len - u->pos));
	if (u->nout > FREE_BYTES)
		tm_err_hint(err, "unpack the file first, if you trust it");
	return true;
}
