/* The operations on numbers, strings and the memo. */
#include "codec/pickle_machine.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "codec/codec.h"

void pickle_op_kind(struct pickle_machine *m, unsigned kind)
{
	pickle_push(m, (struct value){ kind, 0, 0 });
}

void pickle_op_other(struct pickle_machine *m, unsigned kind)
{
	pickle_push(m, (struct value){ VALUE_OTHER, kind, 0 });
}

void pickle_op_int(struct pickle_machine *m, unsigned len)
{
	uint64_t v = pickle_in_le(m->in, len);

	if (len == 4 && v > INT32_MAX)
		pickle_op_other(m, OTHER_INT);
	else
		pickle_push(m, (struct value){ VALUE_INT, 0, v });
}

void pickle_op_long(struct pickle_machine *m, unsigned len_bytes)
{
	pickle_push(m, pickle_in_long(m->in, pickle_in_le(m->in, len_bytes)));
}

void pickle_op_decimal(struct pickle_machine *m, unsigned arg)
{
	(void)arg;
	if (pickle_in_line(m->in, &m->text))
		pickle_push(m, pickle_in_decimal(&m->text));
}

void pickle_op_float(struct pickle_machine *m, unsigned arg)
{
	(void)arg;
	pickle_in_le(m->in, 8);
	pickle_op_other(m, OTHER_FLOAT);
}

void pickle_op_line(struct pickle_machine *m, unsigned kind)
{
	if (pickle_in_line(m->in, &m->text))
		pickle_op_other(m, kind);
}

void pickle_op_bytes(struct pickle_machine *m, unsigned len_bytes)
{
	pickle_in_skip(m->in, pickle_in_le(m->in, len_bytes));
	pickle_op_other(m, OTHER_BYTES);
}

void pickle_op_extension(struct pickle_machine *m, unsigned len)
{
	pickle_in_le(m->in, len);
	pickle_op_other(m, OTHER_EXTERNAL);
}

/* No name is that long: the text does not matter. */
void pickle_op_string(struct pickle_machine *m, unsigned len_bytes)
{
	uint64_t len = pickle_in_le(m->in, len_bytes);

	if (len > CODEC_MAX_STRING) {
		pickle_in_skip(m->in, len);
		pickle_op_other(m, OTHER_STRING);
	} else if (pickle_in_bytes(m->in, &m->text, len)) {
		pickle_push(m, shape_string(&m->shape, &m->text));
	}
}

/* \uXXXX, \UXXXXXXXX, other bytes as they are: Python's raw-unicode-escape. */
void pickle_op_unicode(struct pickle_machine *m, unsigned arg)
{
	const char *p, *end;

	(void)arg;
	if (!pickle_in_line(m->in, &m->module))
		return;
	tm_buf_clear(&m->text);
	tm_buf_add(&m->text, "", 0);
	end = m->module.data + m->module.len;
	for (p = m->module.data; p < end;) {
		size_t digits = end - p > 1 && *p == '\\' ?
			p[1] == 'u' ? 4 : p[1] == 'U' ? 8 : 0 : 0;
		char hex[9] = "";

		if (digits && (size_t)(end - p) >= digits + 2)
			memcpy(hex, p + 2, digits);
		if (hex[0] && strspn(hex, "0123456789abcdefABCDEF") == digits) {
			tm_utf8_encode(&m->text, (uint32_t)strtoul(hex, NULL, 16));
			p += digits + 2;
		} else {
			tm_utf8_encode(&m->text, (unsigned char)*p++);
		}
	}
	pickle_push(m, shape_string(&m->shape, &m->text));
}

void pickle_op_get(struct pickle_machine *m, unsigned len)
{
	pickle_get_memo(m, pickle_in_le(m->in, len));
}

void pickle_op_put(struct pickle_machine *m, unsigned len)
{
	pickle_put_memo(m, len ? pickle_in_le(m->in, len) : m->nmemo);
}

/* The memo place that protocol 0 has as text. */
static uint64_t place_line(struct pickle_machine *m)
{
	struct value v = { VALUE_OTHER, 0, 0 };

	if (pickle_in_line(m->in, &m->text))
		v = pickle_in_decimal(&m->text);
	if (v.kind != VALUE_INT)
		pickle_in_corrupt(m->in, "a memo place that is not a number");
	return v.num;
}

void pickle_op_get_line(struct pickle_machine *m, unsigned arg)
{
	uint64_t place = place_line(m);

	(void)arg;
	if (!m->in->failed)
		pickle_get_memo(m, place);
}

void pickle_op_put_line(struct pickle_machine *m, unsigned arg)
{
	uint64_t place = place_line(m);

	(void)arg;
	if (!m->in->failed)
		pickle_put_memo(m, place);
}
