/*
 * An allocator with functions that are too short for a jump, and have nothing free behind
 * them: realloc(), or (ODD_MISSED) others that can be done without.
 */
#include <stdlib.h>

static char room[1 << 20];
static size_t used;

__attribute__((noinline)) void *malloc(size_t size)
{
	char *at = room + used;

	used += (size + 15) / 16 * 16;
	return used <= sizeof(room) ? at : NULL;
}

#define SHORT(name, code) \
	".globl " name "\n.type " name ", @function\n" name ":\n\t" code "\n.size " name ", . - " name "\n"

__asm__(
#ifdef ODD_MISSED
	SHORT("memalign", "mov %esi, %eax; ret")
	SHORT("valloc", "mov %esi, %eax; ret")
	SHORT("reallocarray", "xor %eax, %eax; ret")
	SHORT("cfree", "jmp give")
#else
	SHORT("realloc", "mov %esi, %eax; ret")
#endif
	SHORT("free", "give: cmp %rdi, used(%rip); je give_all; ret; give_all: movq $0, used(%rip); ret")
	SHORT("after", "inc %eax; inc %eax; inc %eax; inc %eax; inc %eax; inc %eax; ret"));
