/* A malloc that takes its blocks from the next one, with a header before each:
 * preloaded, it is the allocator that a program asks. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 16, EARLY = 64 << 10 };

static void *(*next_malloc)(size_t);
static void (*next_free)(void *);
static char early[EARLY] __attribute__((aligned(16)));
static size_t used;

static __attribute__((constructor)) void find(void)
{
	next_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
	next_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
}

void *malloc(size_t size)
{
	char *at;

	if (next_malloc) {
		at = next_malloc(size + HEADER);
	} else {
		at = early + used;
		used += (size + 2 * HEADER - 1) / HEADER * HEADER;
	}
	if (!at)
		return NULL;
	memcpy(at, &size, sizeof(size));
	return at + HEADER;
}

void free(void *p)
{
	char *at = p;

	if (at && (at < early || at >= early + EARLY))
		next_free(at - HEADER);
}

void *calloc(size_t n, size_t size)
{
	void *p = malloc(n * size);

	return p ? memset(p, 0, n * size) : NULL;
}

void *realloc(void *old, size_t size)
{
	void *p = malloc(size);
	size_t had = 0;

	if (p && old) {
		memcpy(&had, (char *)old - HEADER, sizeof(had));
		memcpy(p, old, had < size ? had : size);
		free(old);
	}
	return p;
}
