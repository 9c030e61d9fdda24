#include "codec/csv.h"

#include <string.h>

#include "base/guard.h"
#include "base/utf8.h"

void csv_add_field(struct tm_buf *row, const char *text, size_t len)
{
	bool quote = len && (text[0] == ' ' || text[len - 1] == ' ');

	for (const char *c = ",\"\r\n"; *c && !quote; c++)
		quote = memchr(text, *c, len) != NULL;
	if (!quote) {
		tm_buf_add(row, text, len);
		return;
	}
	tm_buf_addc(row, '"');
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"')
			tm_buf_addc(row, '"');
		tm_buf_addc(row, text[i]);
	}
	tm_buf_addc(row, '"');
}

/* Characters of `special` get a backslash. */
static void add_escaped(struct tm_buf *buf, struct tm_text text,
			const char *special)
{
	uint32_t code;

	for (size_t i = 0; i < text.len;) {
		unsigned n = tm_utf8_decode(text.bytes + i, text.len - i, &code);

		if (!n)
			code = 0xdc00u + (unsigned char)text.bytes[i];
		if (tm_is_control(code) || tm_is_reordering(code) ||
		    tm_is_surrogate(code)) {
			tm_buf_addf(buf, "\\u%04x", code);
		} else {
			if (code < 0x80 && strchr(special, (int)code))
				tm_buf_addc(buf, '\\');
			tm_buf_add(buf, text.bytes + i, n);
		}
		i += n ? n : 1;
	}
}

void csv_add_name(struct tm_buf *row, struct tm_text name)
{
	TM_GUARD(tm_buf_free) struct tm_buf buf = { 0 };

	tm_buf_add(&buf, "", 0);
	add_escaped(&buf, name, "");
	csv_add_field(row, buf.data, buf.len);
}

void csv_add_bytes(struct tm_buf *row, const char *s)
{
	TM_GUARD(tm_buf_free) struct tm_buf decoded = { 0 };

	tm_buf_add(&decoded, "", 0);
	tm_utf8_add_escaped(&decoded, s, strlen(s));
	csv_add_name(row, (struct tm_text){ decoded.data, decoded.len });
}

void csv_add_frame(struct tm_buf *text, struct tm_frame_view frame)
{
	add_escaped(text, frame.filename, frame.native ? "\\;(" : "\\;");
	tm_buf_addf(text, ":%u", frame.lineno);
	if (!frame.native)
		return;
	tm_buf_addc(text, '(');
	if (frame.function.bytes)
		add_escaped(text, frame.function, "\\;");
	tm_buf_addc(text, ')');
}
