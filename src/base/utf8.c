#include "base/utf8.h"

unsigned tm_utf8_decode(const char *bytes, size_t len, uint32_t *ret)
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

void tm_utf8_encode(struct tm_buf *buf, uint32_t code)
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

static bool is_valid(const char *bytes, size_t len, bool surrogates)
{
	uint32_t code;

	for (size_t i = 0; i < len;) {
		unsigned n = tm_utf8_decode(bytes + i, len - i, &code);

		if (!n || (!surrogates && tm_is_surrogate(code)))
			return false;
		i += n;
	}
	return true;
}

bool tm_utf8_is_valid(const char *bytes, size_t len)
{
	return is_valid(bytes, len, false);
}

bool tm_utf8_is_text(const char *bytes, size_t len)
{
	return is_valid(bytes, len, true);
}

static void add(struct tm_buf *buf, const char *bytes, size_t len, bool surrogates)
{
	uint32_t code;

	for (size_t i = 0; i < len;) {
		unsigned n = tm_utf8_decode(bytes + i, len - i, &code);

		if (n && (surrogates || !tm_is_surrogate(code))) {
			tm_buf_add(buf, bytes + i, n);
			i += n;
		} else {
			tm_utf8_encode(buf, 0xdc00u + (unsigned char)bytes[i++]);
		}
	}
}

void tm_utf8_add_escaped(struct tm_buf *buf, const char *bytes, size_t len)
{
	add(buf, bytes, len, false);
}

void tm_utf8_add_repaired(struct tm_buf *buf, const char *bytes, size_t len)
{
	add(buf, bytes, len, true);
}

void tm_utf8_add_visible(struct tm_buf *buf, const char *bytes, size_t len)
{
	while (len > 0) {
		uint32_t code;
		unsigned n = tm_utf8_decode(bytes, len, &code);

		if (n == 0)
			tm_buf_addf(buf, "\\x%02x", (unsigned char)bytes[0]);
		else if (tm_is_control(code) && code != '\t')
			tm_buf_addf(buf, "\\x%02x", code);
		else if (tm_is_surrogate(code) || tm_is_reordering(code))
			tm_buf_addf(buf, "\\u%04x", code);
		else
			tm_buf_add(buf, bytes, n);
		bytes += n ? n : 1;
		len -= n ? n : 1;
	}
}
