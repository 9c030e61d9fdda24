/*
 * A thread of it executes another program while the main thread goes on.
 *
 *	execer PROGRAM
 *
 * Says "ready", and executes PROGRAM at the first line on standard input.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void *execute(void *arg)
{
	char **argv = arg;

	execv(argv[0], argv);
	perror(argv[0]);
	exit(1);
}

int main(int argc, char **argv)
{
	char c;
	pthread_t thread;

	if (argc != 2)
		return 2;
	puts("ready");
	fflush(stdout);
	/* Not by line: what comes after it is for the other program. */
	while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		;
	pthread_create(&thread, NULL, execute, argv + 1);
	for (;;) {
		void *volatile block = malloc(100);

		free(block);
		usleep(1000);
	}
}
