/* A gzip stream on its way to a file. No time in its header: equal input
 * gives equal bytes. */
#ifndef TM_CODEC_GZIP_H
#define TM_CODEC_GZIP_H

#include <stdio.h>
#include <zlib.h>

struct gzip {
	z_stream z;
	FILE *file;
	unsigned char out[1 << 16];
};

void gzip_begin(struct gzip *gzip, FILE *file);
void gzip_add(struct gzip *gzip, const void *bytes, size_t len);
/* What is left; the stream's own errors are those of the file. */
void gzip_end(struct gzip *gzip);

#endif
