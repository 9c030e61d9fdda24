#include "base/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tmattach/err.h"

enum { HUGE_FROM = 16 << 20 };

static bool (*hook)(size_t size);

void tm_on_out_of_memory(bool (*now)(size_t size))
{
	hook = now;
}

static _Noreturn void give_up(void)
{
	static const char msg[] = "tmattach: out of memory\n";
	ssize_t ignored;

	ignored = write(STDERR_FILENO, msg, sizeof(msg) - 1);
	(void)ignored;
	abort();
}

void tm_out_of_memory(void)
{
	if (hook)
		hook(0);
	give_up();
}

/* Returns only if it is worth another try. */
static void ask_for_memory(size_t size)
{
	if (!hook || !hook(size))
		give_up();
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
	void *p;

	while (!(p = malloc(size ? size : 1)))
		ask_for_memory(size);
	return advise(p, size);
}

void *tm_calloc(size_t n, size_t size)
{
	void *p;

	while (!(p = calloc(n ? n : 1, size ? size : 1)))
		ask_for_memory(n * size);
	return p;
}

void *tm_realloc(void *p, size_t size)
{
	void *moved;

	while (!(moved = realloc(p, size ? size : 1)))
		ask_for_memory(size);
	return advise(moved, size);
}

void *tm_reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		tm_out_of_memory();
	return tm_realloc(p, bytes);
}

void *tm_memdup(const void *bytes, size_t len)
{
	char *copy = tm_malloc(len + 1);

	if (len)
		memcpy(copy, bytes, len);
	copy[len] = '\0';
	return copy;
}

char *tm_strdup(const char *s)
{
	return tm_memdup(s, strlen(s));
}

char *tm_asprintf(const char *fmt, ...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	if (vasprintf(&s, fmt, args) < 0)
		tm_out_of_memory();
	va_end(args);
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
