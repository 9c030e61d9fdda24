/* An allocator of which one function is too short for a jump, and nothing is free behind it. */
#include <stdlib.h>

static char room[1 << 20];
static size_t used;

__attribute__((noinline)) void *malloc(size_t size)
{
	char *at = room + used;

	used += (size + 15) / 16 * 16;
	return used <= sizeof(room) ? at : NULL;
}

__attribute__((noinline)) void free(void *p)
{
	if (p == room + used)
		used = 0;
}

#ifndef ODD
#define ODD "pvalloc"
#endif

__asm__(".globl " ODD "\n.type " ODD ", @function\n" ODD ":\n\txor %eax, %eax\n\tret\n"
	".size " ODD ", 3\n.globl after\n.type after, @function\nafter:\n\tinc %eax\n\tinc %eax\n\tinc %eax\n"
	"\tinc %eax\n\tinc %eax\n\tinc %eax\n\tret\n.size after, 13\n");
