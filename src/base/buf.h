/*
 * A growing byte buffer. Always NUL-terminated after the first append, so
 * that `buf.data` can be used as a C string; `len` does not count that NUL.
 * A zeroed struct is an empty buffer.
 */
#ifndef TM_BASE_BUF_H
#define TM_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct tm_buf {
	char *data;
	size_t len;
	size_t cap;
};

void tm_buf_free(struct tm_buf *buf); /* back to empty; usable as a guard */
void tm_buf_clear(struct tm_buf *buf); /* keeps the memory */
void tm_buf_add(struct tm_buf *buf, const void *bytes, size_t len);
void tm_buf_addc(struct tm_buf *buf, char c);
void tm_buf_adds(struct tm_buf *buf, const char *s);
/* A number in decimal. */
void tm_buf_addu(struct tm_buf *buf, uint64_t n);
void tm_buf_addf(struct tm_buf *buf, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Room for `len` more bytes; returns where they go. The caller adds to len. */
char *tm_buf_room(struct tm_buf *buf, size_t len);

#endif
