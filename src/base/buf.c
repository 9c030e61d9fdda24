#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void tm_buf_free(struct tm_buf *buf)
{
	free(buf->data);
	*buf = (struct tm_buf){ 0 };
}

void tm_buf_clear(struct tm_buf *buf)
{
	buf->len = 0;
	if (buf->data)
		buf->data[0] = '\0';
}

char *tm_buf_room(struct tm_buf *buf, size_t len)
{
	size_t need;

	if (__builtin_add_overflow(buf->len, len, &need) ||
	    __builtin_add_overflow(need, (size_t)1, &need))
		tm_out_of_memory();
	buf->data = tm_grow(buf->data, &buf->cap, need, 1);
	return buf->data + buf->len;
}

void tm_buf_add(struct tm_buf *buf, const void *bytes, size_t len)
{
	char *room = tm_buf_room(buf, len);

	if (len)
		memcpy(room, bytes, len);
	room[len] = '\0';
	buf->len += len;
}

void tm_buf_addc(struct tm_buf *buf, char c)
{
	tm_buf_add(buf, &c, 1);
}

void tm_buf_adds(struct tm_buf *buf, const char *s)
{
	tm_buf_add(buf, s, strlen(s));
}

void tm_buf_addu(struct tm_buf *buf, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	tm_buf_add(buf, digits + at, sizeof(digits) - at);
}

void tm_buf_addf(struct tm_buf *buf, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0)
		return;
	va_start(args, fmt);
	vsnprintf(tm_buf_room(buf, (size_t)n), (size_t)n + 1, fmt, args);
	va_end(args);
	buf->len += (size_t)n;
}
