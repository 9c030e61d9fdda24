/*
 * main -> outer -> inner -> malloc: who called is what the test asks, of this
 * program compiled with and without each way to tell it.
 *
 *	called
 *
 * Says "ready"; each line on standard input is so many blocks of 1000 bytes.
 */
#include <stdio.h>
#include <stdlib.h>

#define FAR __attribute__((noinline, noclone))

static FAR void *inner(size_t size)
{
	void *p = malloc(size);

	__asm__ volatile("" : : "r"(p) : "memory");
	return p;
}

/* With what lies on the stack no guess finds the next return address. */
static FAR void *outer(size_t size)
{
	volatile char room[200];
	void *p;

	room[0] = room[199] = 0;
	p = inner(size);
	__asm__ volatile("" : : "r"(p), "r"(room) : "memory");
	return p;
}

int main(void)
{
	char line[64];

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		for (long n = atol(line); n > 0; n--)
			outer(1000);
		puts("done");
		fflush(stdout);
	}
	return 0;
}
