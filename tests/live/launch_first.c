/*
 * What allocates before main(), for the test `launch_first`. Built three times: a library
 * (FIRST), one that needs it (SECOND), and a program that needs both. Each function notes
 * the size of its block; the program prints them all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern int first_sizes[16], first_n;
void first_take(int size);

#if defined(FIRST)
int first_sizes[16], first_n;

__attribute__((noinline)) void first_take(int size)
{
	static void *volatile last;
	void **block = malloc((size_t)size);

	*block = last;
	last = block;
	first_sizes[first_n++] = size;
}

__attribute__((constructor)) static void first_constructor(void)
{
	first_take(20001);
}
#elif defined(SECOND)
void second_init(void);

void second_init(void) /* DT_INIT */
{
	first_take(20002);
}

__attribute__((constructor(101))) static void second_early(void)
{
	first_take(20003);
}

__attribute__((constructor)) static void second_constructor(void)
{
	first_take(20004);
}
#else
#if !defined(NO_PREINIT)
static void preinit(void)
{
	first_take(20005);
}

__attribute__((section(".preinit_array"), used)) static void (*const preinits[])(void) = { preinit };
#endif

#if defined(OWN_START)
/* For any release of glibc: what begins programs names the one that it was made for. */
__asm__(".globl _start\n_start:\n xor %ebp, %ebp\n mov (%rsp), %edi\n lea 8(%rsp), %rsi\n"
	" and $-16, %rsp\n call main\n mov %eax, %edi\n call exit\n hlt\n");
#endif

__attribute__((constructor)) static void program_constructor(void)
{
	first_take(20006);
}

int main(int argc, char **argv)
{
	char byte;

	first_take(20007);
	for (int i = 0; i < first_n; i++)
		printf("%d ", first_sizes[i]);
	puts("");
	fflush(stdout);
	if (argc > 1 && strcmp(argv[1], "well") == 0)
		return 0;
	if (argc > 1 && strcmp(argv[1], "wait") == 0 && read(0, &byte, 1) != 1)
		return 2;
	return 3;
}
#endif
