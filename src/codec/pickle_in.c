#include "codec/pickle_in.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "codec/codec.h"

enum { PIECE = 1 << 16 };

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

int pickle_in_peek(struct pickle_in *in)
{
	size_t n;

	if (in->pos < in->end)
		return *in->pos;
	n = in->failed ? 0 : fread(in->bytes, 1, PIECE, in->file);
	in->offset += n;
	in->pos = in->bytes;
	in->end = in->bytes + n;
	return n ? *in->pos : EOF;
}

int pickle_in_refill(struct pickle_in *in)
{
	if (pickle_in_peek(in) != EOF)
		return *in->pos++;
	if (!in->failed)
		codec_short_read(in->err, in->file, in->offset);
	in->failed = true;
	return 0;
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
			if (pickle_in_peek(in) == EOF)
				pickle_in_refill(in);
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

void pickle_in_skip(struct pickle_in *in, uint64_t len)
{
	while (len && !in->failed) {
		size_t n = (size_t)(in->end - in->pos);

		if (n > len)
			n = len;
		in->pos += n;
		len -= n;
		if (len && pickle_in_peek(in) == EOF)
			pickle_in_refill(in);
	}
}

bool pickle_in_line(struct pickle_in *in, struct tm_buf *buf)
{
	tm_buf_clear(buf);
	tm_buf_add(buf, "", 0);
	for (;;) {
		int byte = pickle_in_byte(in);

		if (in->failed)
			return false;
		if (byte == '\n')
			return true;
		if (buf->len == CODEC_MAX_STRING)
			return pickle_in_corrupt(in, "a line of absurd length");
		tm_buf_addc(buf, (char)byte);
	}
}

struct value pickle_in_long(struct pickle_in *in, uint64_t len)
{
	struct value v = { VALUE_INT, 0, 0 };
	int byte = 0;
	uint64_t i;

	for (i = 0; i < len && !in->failed; i++) {
		byte = pickle_in_byte(in);
		if (i < 8)
			v.num |= (uint64_t)byte << 8 * i;
		else if (byte)
			v.kind = VALUE_OTHER;
	}
	if (byte & 0x80)
		v.kind = VALUE_OTHER; /* negative */
	if (v.kind == VALUE_OTHER)
		v = (struct value){ VALUE_OTHER, OTHER_INT, 0 };
	return v;
}

struct value pickle_in_decimal(const struct tm_buf *line)
{
	struct value v = { VALUE_INT, 0, 0 };

	if (line->len == 2 && line->data[0] == '0')
		return (struct value){ VALUE_OTHER, OTHER_BOOL, 0 };
	for (size_t i = 0; i < line->len && line->data[i] != 'L'; i++) {
		char c = line->data[i];

		if (c < '0' || c > '9' ||
		    __builtin_mul_overflow(v.num, 10, &v.num) ||
		    __builtin_add_overflow(v.num, (uint64_t)(c - '0'), &v.num))
			return (struct value){ VALUE_OTHER, OTHER_INT, 0 };
	}
	return v;
}
