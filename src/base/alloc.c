#include "base/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE_FROM = 16 << 20 };

static void (*fatal_hook)(void);

void tm_on_fatal(void (*hook)(void))
{
	fatal_hook = hook;
}

void tm_out_of_memory(void)
{
	static const char msg[] = "tmattach: out of memory\n";

	if (fatal_hook)
		fatal_hook();
	if (write(STDERR_FILENO, msg, sizeof(msg) - 1) < 0)
		_exit(1);
	_exit(1);
}

/* The whole mapping, not only the pages that are wholly ours: with one kind of
 * pages throughout it can still be moved when the block grows. */
static void *advise(void *p, size_t size)
{
	size_t before;

	if (size < HUGE_FROM)
		return p;
	before = (uintptr_t)p % (size_t)sysconf(_SC_PAGESIZE);
	/* May fail: it is only advice. */
	(void)madvise((char *)p - before, size + before, MADV_HUGEPAGE);
	return p;
}

void *tm_malloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		tm_out_of_memory();
	return advise(p, size);
}

void *tm_calloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		tm_out_of_memory();
	return p;
}

void *tm_realloc(void *p, size_t size)
{
	void *moved = realloc(p, size ? size : 1);

	if (!moved)
		tm_out_of_memory();
	return advise(moved, size);
}

void *tm_reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		tm_out_of_memory();
	return tm_realloc(p, bytes);
}

char *tm_strdup(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(tm_malloc(size), s, size);
}

char *tm_asprintf(const char *fmt, ...)
{
	va_list args;
	char *s;
	int n;

	va_start(args, fmt);
	n = vasprintf(&s, fmt, args);
	va_end(args);
	if (n < 0)
		tm_out_of_memory();
	return s;
}

void *tm_grow(void *items, size_t *cap, size_t need, size_t size)
{
	size_t wanted;

	if (need <= *cap && items)
		return items;
	wanted = *cap + *cap / 2;
	if (wanted < need)
		wanted = need;
	if (wanted < 16)
		wanted = 16;
	items = tm_reallocarray(items, wanted, size);
	*cap = wanted;
	return items;
}
