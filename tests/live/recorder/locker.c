/*
 * A program that locks all of its memory when it is told to.
 *
 *	locker
 *
 * Says "ready", and at each line on standard input locks what it has and will
 * have, takes a block, and says "locked" or why not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
	char line[64];

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		void *volatile block;

		if (mlockall(MCL_CURRENT | MCL_FUTURE) == 0)
			puts("locked");
		else
			perror("locker");
		block = malloc(4711);
		if (!block)
			return 2;
		fflush(stdout);
	}
	return 0;
}
