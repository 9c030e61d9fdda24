#include "codec/json_text.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/utf8.h"

#define SENTINEL "\xf4\x8f\xbf\xbf" /* U+10FFFF */
enum { SENTINEL_CODE = 0x10ffff, SENTINEL_LEN = 4, DIGITS = 4 };

static void add_escaped(struct tm_buf *buf, uint32_t code)
{
	tm_buf_addf(buf, SENTINEL "%04x", code);
}

/* What jansson would write as it is, and a terminal would obey. */
static bool unsafe(uint32_t code)
{
	return code >= 0x7f && (tm_is_control(code) || tm_is_reordering(code));
}

/* The form of a text that jansson can carry. */
static void to_carrier(struct tm_buf *buf, struct tm_text text)
{
	uint32_t code;

	for (size_t i = 0; i < text.len;) {
		unsigned n = tm_utf8_decode(text.bytes + i, text.len - i, &code);

		if (!n)
			add_escaped(buf, 0xdc00u + (unsigned char)text.bytes[i]);
		else if (tm_is_surrogate(code) || unsafe(code))
			add_escaped(buf, code);
		else if (code == SENTINEL_CODE)
			add_escaped(buf, 0);
		else
			tm_buf_add(buf, text.bytes + i, n);
		i += n ? n : 1;
	}
}

static bool is_plain(struct tm_text text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.bytes[i] >= 0x7f)
			return false;
	return true;
}

json_t *json_text(struct tm_text text)
{
	json_t *string = NULL;

	if (!text.bytes)
		return json_null();
	if (is_plain(text))
		string = json_stringn(text.bytes, text.len);
	if (!string) {
		TM_GUARD(tm_buf_free) struct tm_buf buf = { 0 };

		tm_buf_add(&buf, "", 0);
		to_carrier(&buf, text);
		string = json_stringn(buf.data, buf.len);
	}
	if (!string)
		tm_out_of_memory();
	return string;
}

json_t *json_cstring(const char *s)
{
	return json_text((struct tm_text){ s && *s ? s : NULL,
					   s ? strlen(s) : 0 });
}

json_t *json_bytes(const char *s)
{
	TM_GUARD(tm_buf_free) struct tm_buf buf = { 0 };

	if (!s)
		return json_null();
	tm_buf_add(&buf, "", 0);
	tm_utf8_add_escaped(&buf, s, strlen(s));
	return json_text((struct tm_text){ buf.data, buf.len });
}

json_t *json_count(uint64_t n)
{
	return json_integer((json_int_t)(n > INT64_MAX ? INT64_MAX : n));
}

static int gather(const char *bytes, size_t len, void *buf)
{
	tm_buf_add(buf, bytes, len);
	return 0;
}

/* Turn the carrier's form, from `start` on, into \u escapes. */
static void from_carrier(struct tm_buf *buf, size_t start)
{
	const char *end = buf->data + buf->len, *hit;
	char *at = buf->data + start, *to;

	hit = memmem(at, (size_t)(end - at), SENTINEL, SENTINEL_LEN);
	if (!hit)
		return;
	to = (char *)hit;
	for (at = to; at < end;) {
		if (end - at < SENTINEL_LEN + DIGITS ||
		    memcmp(at, SENTINEL, SENTINEL_LEN) != 0) {
			*to++ = *at++;
			continue;
		}
		at += SENTINEL_LEN;
		if (memcmp(at, "0000", DIGITS) == 0) {
			memcpy(to, SENTINEL, SENTINEL_LEN);
			to += SENTINEL_LEN;
		} else {
			*to++ = '\\';
			*to++ = 'u';
			memmove(to, at, DIGITS);
			to += DIGITS;
		}
		at += DIGITS;
	}
	buf->len = (size_t)(to - buf->data);
	*to = '\0';
}

static void append(struct tm_buf *buf, const json_t *value, size_t flags)
{
	size_t start = buf->len;

	if (json_dump_callback(value, gather, buf, JSON_COMPACT |
			       JSON_ENCODE_ANY | flags) != 0)
		tm_out_of_memory();
	from_carrier(buf, start);
}

void json_append(struct tm_buf *buf, const json_t *value)
{
	append(buf, value, 0);
}

void json_append_real(struct tm_buf *buf, const json_t *value, double real)
{
	char text[40];
	int digits = 1;

	for (; digits < 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, real);
		if (strtod(text, NULL) == real)
			break;
	}
	append(buf, value, JSON_REAL_PRECISION((size_t)digits));
}

static bool hex4(const char *p, const char *end, uint32_t *ret)
{
	uint32_t v = 0;

	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return false;
	for (int i = 2; i < 6; i++) {
		char c = p[i];

		v <<= 4;
		if (c >= '0' && c <= '9')
			v |= (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v |= (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	*ret = v;
	return true;
}

/* One backslash escape of JSON text at p; returns what follows it. */
static const char *carry_escape(struct tm_buf *buf, const char *p,
				const char *end)
{
	uint32_t code, low;
	size_t n = end - p < 2 ? 1 : 2;

	if (hex4(p, end, &code)) {
		n = 6;
		if (code >= 0xd800 && code <= 0xdbff &&
		    hex4(p + 6, end, &low) && low >= 0xdc00 && low <= 0xdfff) {
			n = 12;
			if (code == 0xdbff && low == 0xdfff) {
				add_escaped(buf, 0);
				return p + n;
			}
		} else if (tm_is_surrogate(code)) {
			add_escaped(buf, code);
			return p + n;
		}
	}
	tm_buf_add(buf, p, n);
	return p + n;
}

static bool needs_carrier(const char *text, size_t len)
{
	return memmem(text, len, "\\ud", 3) || memmem(text, len, "\\uD", 3) ||
	       memmem(text, len, SENTINEL, SENTINEL_LEN);
}

static void carry(struct tm_buf *buf, const char *p, const char *end)
{
	while (p < end) {
		if (*p == '\\') {
			p = carry_escape(buf, p, end);
		} else if (end - p >= SENTINEL_LEN &&
			   !memcmp(p, SENTINEL, SENTINEL_LEN)) {
			add_escaped(buf, 0);
			p += SENTINEL_LEN;
		} else {
			tm_buf_addc(buf, *p++);
		}
	}
}

json_t *json_parse(const char *text, size_t len, char why[static 160])
{
	const size_t flags = JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES |
			     JSON_DECODE_ANY;
	TM_GUARD(tm_buf_free) struct tm_buf buf = { 0 };
	json_error_t error;
	json_t *value;

	if (needs_carrier(text, len)) {
		carry(&buf, text, text + len);
		text = buf.data;
		len = buf.len;
	}
	value = json_loadb(text, len, flags, &error);
	if (!value)
		snprintf(why, 160, "%.159s", error.text);
	return value;
}

void json_text_of(const json_t *string, struct tm_buf *buf)
{
	const char *p = json_string_value(string);
	const char *end = p + json_string_length(string);

	tm_buf_clear(buf);
	tm_buf_add(buf, "", 0);
	for (;;) {
		const char *hit = memmem(p, (size_t)(end - p), SENTINEL,
					 SENTINEL_LEN);
		char digits[DIGITS + 1] = "";
		uint32_t code;

		if (!hit || end - hit < SENTINEL_LEN + DIGITS)
			break;
		tm_buf_add(buf, p, (size_t)(hit - p));
		memcpy(digits, hit + SENTINEL_LEN, DIGITS);
		code = (uint32_t)strtoul(digits, NULL, 16);
		tm_utf8_encode(buf, code ? code : SENTINEL_CODE);
		p = hit + SENTINEL_LEN + DIGITS;
	}
	tm_buf_add(buf, p, (size_t)(end - p));
}
