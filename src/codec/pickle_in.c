#include "codec/pickle_in.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "codec/codec.h"

enum { PIECE = 1 << 16, MAX_LINE = 256 };

void pickle_in_init(struct pickle_in *in, FILE *file, struct tm_err *err)
{
	*in = (struct pickle_in){ .file = file, .err = err };
	in->bytes = tm_malloc(PIECE);
	in->pos = in->end = in->bytes;
}

void pickle_in_deinit(struct pickle_in *in)
{
	free(in->bytes);
}

uint64_t pickle_in_offset(const struct pickle_in *in)
{
	return in->offset - (uint64_t)(in->end - in->pos);
}

bool pickle_in_corrupt(struct pickle_in *in, const char *what)
{
	if (!in->failed)
		codec_corrupt(in->err, pickle_in_offset(in), "%s", what);
	in->failed = true;
	return false;
}

int pickle_in_refill(struct pickle_in *in)
{
	size_t n = in->failed ? 0 : fread(in->bytes, 1, PIECE, in->file);

	if (!n) {
		if (!in->failed)
			codec_short_read(in->err, in->file, in->offset);
		in->failed = true;
		return 0;
	}
	in->offset += n;
	in->pos = in->bytes;
	in->end = in->bytes + n;
	return *in->pos++;
}

uint64_t pickle_in_le(struct pickle_in *in, unsigned len)
{
	uint64_t v = 0;

	for (unsigned i = 0; i < len; i++)
		v |= (uint64_t)pickle_in_byte(in) << 8 * i;
	return v;
}

bool pickle_in_bytes(struct pickle_in *in, struct tm_buf *buf, uint64_t len)
{
	tm_buf_clear(buf);
	if (len > CODEC_MAX_STRING)
		return pickle_in_corrupt(in, "a name of absurd length");
	tm_buf_add(buf, "", 0);
	while (len && !in->failed) {
		size_t n = (size_t)(in->end - in->pos);

		if (!n) {
			pickle_in_refill(in);
			if (!in->failed)
				in->pos--;
			continue;
		}
		if (n > len)
			n = len;
		tm_buf_add(buf, in->pos, n);
		in->pos += n;
		len -= n;
	}
	return !in->failed;
}

bool pickle_in_line(struct pickle_in *in, struct tm_buf *buf)
{
	tm_buf_clear(buf);
	for (;;) {
		int byte = pickle_in_byte(in);

		if (in->failed)
			return false;
		if (byte == '\n')
			break;
		if (buf->len == MAX_LINE)
			return pickle_in_corrupt(in, "a class name of absurd length");
		tm_buf_addc(buf, (char)byte);
	}
	tm_buf_add(buf, "", 0);
	return true;
}

uint64_t pickle_in_long(struct pickle_in *in, uint64_t len)
{
	uint64_t v = 0;
	int byte = 0;

	if (len > 16) {
		pickle_in_corrupt(in, "a number of absurd length");
		return 0;
	}
	for (unsigned i = 0; i < len && !in->failed; i++) {
		byte = pickle_in_byte(in);
		if (i < 8)
			v |= (uint64_t)byte << 8 * i;
		else if (byte)
			pickle_in_corrupt(in, "a number that is out of range");
	}
	if (len <= 8 && byte & 0x80)
		pickle_in_corrupt(in, "a negative number");
	return v;
}
