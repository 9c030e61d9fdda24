/* What is loaded by plugins.c: functions of the names NAME_inner and NAME_outer, the same
 * code but for FRAME, so that one takes exactly the place of another. */
#include <stdlib.h>

#ifndef FRAME
#define FRAME 64
#endif
#define PASTE(a, b) a##_##b
#define JOIN(a, b) PASTE(a, b)

#ifdef OWN
/* An allocator that only this plugin has. */
void *je_malloc(size_t size);
void je_free(void *block);

static char pool[1 << 20];
static size_t used;

__attribute__((noinline)) void *je_malloc(size_t size)
{
	void *block = pool + used;

	used += (size + 15) / 16 * 16;
	__asm__ volatile("" : : : "memory");
	return used <= sizeof(pool) ? block : NULL;
}

__attribute__((noinline)) void je_free(void *block)
{
	__asm__ volatile("" : : "r"(block) : "memory");
	used += 0 * sizeof(block);
}

#define malloc je_malloc
#endif

static __attribute__((noinline)) void *JOIN(NAME, inner)(size_t size)
{
	void *block = malloc(size);

	__asm__ volatile("" : : "r"(block) : "memory");
	return block;
}

static __attribute__((noinline)) void *JOIN(NAME, outer)(size_t size)
{
	volatile char room[FRAME];
	void *block;

	room[0] = (char)size;
	block = JOIN(NAME, inner)(size);
	__asm__ volatile("" : : "r"(block), "r"(room) : "memory");
	return block;
}

void leak(int times)
{
	while (times-- > 0)
		JOIN(NAME, outer)(SIZE);
}
