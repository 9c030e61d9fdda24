/*
 * A program whose allocator is in the same unit as its callers, or brought
 * there by the linker (-flto, with keeper_pool.c): the compiler knows which
 * registers malloc() leaves alone, and keeps a count in one of them.
 *
 *	keeper
 *
 * Says "ready". A number on standard input is how many rounds it shall go; it
 * answers how many it has counted, and how many blocks it got.
 */
#include <stdio.h>
#include <stdlib.h>

#ifdef ONE_UNIT
#include "keeper_pool.c"
#else
extern int given;
#endif

static __attribute__((noinline)) int rounds(int n)
{
	int done = 0;

	for (int i = 0; i < n; i++) {
		void *volatile block = malloc(100);

		done++;
		free(block);
	}
	return done;
}

int main(void)
{
	char line[64];

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		int before = given, counted = rounds(atoi(line));

		printf("%d %d\n", counted, given - before);
		fflush(stdout);
	}
	return 0;
}
