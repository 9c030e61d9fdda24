/*
 * Large arrays: page-aligned, zeroed, in huge pages where the system has any.
 * Memory that is not touched costs nothing. Never fails: ends the process like
 * base/alloc.h does.
 */
#ifndef TM_BASE_BIG_H
#define TM_BASE_BIG_H

#include <stddef.h>

void *tm_big_alloc(size_t n, size_t size)
	__attribute__((returns_nonnull));
void tm_big_free(void *array); /* NULL is fine */
/* Keep the first n items of `size` bytes, give the rest back. The array stays
 * where it is. */
void tm_big_trim(void *array, size_t n, size_t size);
/* Room for n items, what is there is kept; it may move. NULL: a new one. */
void *tm_big_grow(void *array, size_t n, size_t size)
	__attribute__((returns_nonnull));

#endif
