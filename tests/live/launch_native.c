/*
 * A program that is no CPython, for the test `launch`: allocates blocks from
 * its constructor on, prints how many bytes and blocks are left, and ends as
 * it is told: "return", "_exit", "abort", or "wait" until a byte comes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N = 500 };

static void *blocks[N + 1];
static size_t bytes, count;

__attribute__((noinline)) static void *counted(size_t size)
{
	void *block = malloc(size);

	memset(block, 1, size);
	bytes += size;
	count++;
	return block;
}

__attribute__((constructor)) static void early(void)
{
	blocks[N] = counted(77);
}

int main(int argc, char **argv)
{
	const char *ending = argc > 1 ? argv[1] : "return";
	char byte;

	setvbuf(stdout, NULL, _IONBF, 0);
	for (size_t i = 0; i < N; i++)
		blocks[i] = counted(100 + i);
	for (size_t i = 0; i < N; i += 5) {
		free(blocks[i]);
		bytes -= 100 + i;
		count--;
	}
	printf("%zu %zu\n", bytes, count);
	if (strcmp(ending, "wait") == 0 && read(0, &byte, 1) != 1)
		return 2;
	if (strcmp(ending, "_exit") == 0)
		_exit(9);
	if (strcmp(ending, "abort") == 0)
		abort();
	return 3;
}
