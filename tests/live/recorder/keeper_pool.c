/* The allocator of keeper.c: gives out, takes nothing back. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static char pool[16 << 20];
static size_t used;
extern int given;
int given;

__attribute__((noinline)) void *malloc(size_t size)
{
	size_t at = used, rounded = (size + 15) & ~(size_t)15;

	if (rounded > sizeof(pool) - at)
		return NULL;
	used = at + rounded;
	given++;
	return pool + at;
}

__attribute__((noinline)) void free(void *block)
{
	__asm__ volatile("" : : "r"(block));
}

__attribute__((noinline)) void *calloc(size_t n, size_t size)
{
	return malloc(n * size);
}

__attribute__((noinline)) void *realloc(void *block, size_t size)
{
	void *got = malloc(size);

	if (block && got)
		memcpy(got, block, size);
	return got;
}
