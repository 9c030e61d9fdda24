/* malloc that does not fail: the view has no use for a half-built screen. */
#ifndef TUI_XALLOC_H
#define TUI_XALLOC_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void *xcheck(void *p)
{
	if (!p) {
		fputs("tmattach: out of memory\n", stderr);
		abort(); /* the terminal is restored by the SIGABRT handler */
	}
	return p;
}

static inline void *xcalloc(size_t n, size_t size)
{
	return xcheck(calloc(n ? n : 1, size ? size : 1));
}

static inline void *xreallocarray(void *p, size_t n, size_t size)
{
	return xcheck(reallocarray(p, n ? n : 1, size ? size : 1));
}

static inline void *xmemdup(const void *p, size_t len)
{
	void *copy = xcalloc(len + 1, 1);

	if (len)
		memcpy(copy, p, len);
	return copy;
}

static inline char *xstrdup(const char *s)
{
	return xmemdup(s, strlen(s));
}

#endif
