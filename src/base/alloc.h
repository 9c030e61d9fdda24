/*
 * Memory of our own. No function here returns without it: where there is none,
 * the hook of tm_on_out_of_memory() is asked, and then the program is aborted.
 * By design no allocation happens while a target is stopped with changed
 * registers, so leaving at any allocation leaves the target unharmed.
 * Large blocks ask for huge pages: a fill takes a fault per 2 MiB, not per
 * 4 KiB, where the system gives them to those who ask.
 */
#ifndef TM_BASE_ALLOC_H
#define TM_BASE_ALLOC_H

#include <stddef.h>

void *tm_malloc(size_t size) __attribute__((malloc, returns_nonnull));
void *tm_calloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *tm_realloc(void *p, size_t size) __attribute__((returns_nonnull));
/* n * size, checked. */
void *tm_reallocarray(void *p, size_t n, size_t size)
	__attribute__((returns_nonnull));
/* A copy, and a NUL after it. */
void *tm_memdup(const void *bytes, size_t len)
	__attribute__((malloc, returns_nonnull));
char *tm_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *tm_asprintf(const char *fmt, ...)
	__attribute__((format(printf, 1, 2), malloc, returns_nonnull));

/*
 * Make room for `need` items of `size` bytes in a growing array: returns the
 * array (moved or not) and updates *cap. Grows by half, so appending is
 * amortised constant.
 */
void *tm_grow(void *items, size_t *cap, size_t need, size_t size)
	__attribute__((returns_nonnull));

/* If a library has found no memory: the hook may also end the program. */
_Noreturn void tm_out_of_memory(void);

#endif
