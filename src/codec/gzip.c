#include "codec/gzip.h"

#include <limits.h>

#include "base/alloc.h"

enum { LEVEL = 4, WINDOW_BITS = 15, GZIP = 16, MEM_LEVEL = 8 };

void gzip_begin(struct gzip *gzip, FILE *file)
{
	gzip->file = file;
	gzip->z = (z_stream){ .next_out = gzip->out,
			      .avail_out = sizeof(gzip->out) };
	if (deflateInit2(&gzip->z, LEVEL, Z_DEFLATED, WINDOW_BITS + GZIP,
			 MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		tm_out_of_memory();
}

static void flush(struct gzip *gzip)
{
	fwrite(gzip->out, 1, sizeof(gzip->out) - gzip->z.avail_out, gzip->file);
	gzip->z.next_out = gzip->out;
	gzip->z.avail_out = sizeof(gzip->out);
}

void gzip_add(struct gzip *gzip, const void *bytes, size_t len)
{
	gzip->z.next_in = (unsigned char *)bytes;
	while (len && !ferror(gzip->file)) {
		uInt n = len > INT_MAX ? INT_MAX : (uInt)len;

		gzip->z.avail_in = n;
		deflate(&gzip->z, Z_NO_FLUSH);
		len -= n - gzip->z.avail_in;
		if (gzip->z.avail_out == 0)
			flush(gzip);
	}
}

void gzip_end(struct gzip *gzip)
{
	int state = Z_OK;

	while (state == Z_OK && !ferror(gzip->file)) {
		state = deflate(&gzip->z, Z_FINISH);
		flush(gzip);
	}
	deflateEnd(&gzip->z);
}
