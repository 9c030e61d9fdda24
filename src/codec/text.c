#include "codec/text.h"

unsigned text_decode(const char *bytes, size_t len, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *p = (const unsigned char *)bytes;
	uint32_t code = p[0];
	unsigned n;

	if (code < 0x80) {
		*ret = code;
		return 1;
	}
	n = code >= 0xf0 && code < 0xf8 ? 4 : code >= 0xe0 ? 3 : 2;
	if (code < 0xc0 || code >= 0xf8 || n > len)
		return 0;
	code &= 0x7fu >> n;
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	*ret = code;
	return code >= least[n] && code <= 0x10ffff ? n : 0;
}

void text_encode(struct tm_buf *buf, uint32_t code)
{
	if (code < 0x80) {
		tm_buf_addc(buf, (char)code);
		return;
	}
	if (code < 0x800) {
		tm_buf_addc(buf, (char)(0xc0 | code >> 6));
	} else {
		if (code < 0x10000) {
			tm_buf_addc(buf, (char)(0xe0 | code >> 12));
		} else {
			tm_buf_addc(buf, (char)(0xf0 | code >> 18));
			tm_buf_addc(buf, (char)(0x80 | (code >> 12 & 0x3f)));
		}
		tm_buf_addc(buf, (char)(0x80 | (code >> 6 & 0x3f)));
	}
	tm_buf_addc(buf, (char)(0x80 | (code & 0x3f)));
}

bool text_is_valid(const char *bytes, size_t len)
{
	uint32_t code;

	for (size_t i = 0; i < len;) {
		unsigned n = text_decode(bytes + i, len - i, &code);

		if (!n)
			return false;
		i += n;
	}
	return true;
}

void text_from_fs(struct tm_buf *buf, const char *bytes, size_t len)
{
	uint32_t code;

	for (size_t i = 0; i < len;) {
		unsigned n = text_decode(bytes + i, len - i, &code);

		if (n && !text_is_surrogate(code)) {
			tm_buf_add(buf, bytes + i, n);
			i += n;
		} else {
			text_encode(buf, 0xdc00u + (unsigned char)bytes[i++]);
		}
	}
}
