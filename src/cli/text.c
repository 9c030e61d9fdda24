#include "cli/text.h"

#include <string.h>

struct character {
	uint32_t code;
	size_t len;   /* 0: these bytes are no character */
};

/* Surrogates count as characters here; overlong forms do not. */
static struct character decode(const char *bytes, size_t left)
{
	const unsigned char *p = (const unsigned char *)bytes;
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 :
		   p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
	uint32_t code = n > 1 ? p[0] & (0x7fu >> n) : p[0];

	if (n == 0 || n > left)
		return (struct character){ 0, 0 };
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return (struct character){ 0, 0 };
		code = code << 6 | (p[i] & 0x3f);
	}
	if ((n == 3 && code < 0x800) ||
	    (n == 4 && (code < 0x10000 || code > 0x10ffff)))
		return (struct character){ 0, 0 };
	return (struct character){ code, n };
}

static bool is_surrogate(uint32_t code)
{
	return code >= 0xd800 && code <= 0xdfff;
}

static bool is_control(uint32_t code)
{
	return (code < 0x20 && code != '\t') || (code >= 0x7f && code < 0xa0);
}

/* Line and paragraph separators, and what changes the reading direction. */
static bool reorders(uint32_t code)
{
	return code == 0x061c || code == 0x200e || code == 0x200f ||
	       (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069);
}

void cli_text_escape(struct tm_buf *out, const char *bytes, size_t len)
{
	while (len > 0) {
		struct character c = decode(bytes, len);
		size_t n = c.len ? c.len : 1;

		if (c.len == 0)
			tm_buf_addf(out, "\\x%02x", (unsigned char)bytes[0]);
		else if (is_control(c.code))
			tm_buf_addf(out, "\\x%02x", c.code);
		else if (is_surrogate(c.code) || reorders(c.code))
			tm_buf_addf(out, "\\u%04x", c.code);
		else
			tm_buf_add(out, bytes, n);
		bytes += n;
		len -= n;
	}
}

struct tm_text cli_text_from_arg(const char *arg)
{
	struct tm_buf out = { 0 };
	size_t len = strlen(arg);

	tm_buf_add(&out, "", 0);
	while (len > 0) {
		struct character c = decode(arg, len);
		size_t n = c.len && !is_surrogate(c.code) ? c.len : 1;
		unsigned char byte = (unsigned char)arg[0];

		if (c.len == n) {
			tm_buf_add(&out, arg, n);
		} else {
			/* U+DC00 + byte, as three bytes */
			tm_buf_addc(&out, '\xed');
			tm_buf_addc(&out, (char)(0xb0 | byte >> 6));
			tm_buf_addc(&out, (char)(0x80 | (byte & 0x3f)));
		}
		arg += n;
		len -= n;
	}
	return (struct tm_text){ out.data, out.len };
}
