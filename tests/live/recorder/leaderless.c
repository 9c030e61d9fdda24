/*
 * A program whose main thread ends before the others: /proc/PID shows a zombie.
 *
 *	leaderless
 *
 * Its other thread says "ready" when that is so. At each line on standard input
 * it takes a block of 4711 bytes and answers with a line.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int is_zombie(void)
{
	FILE *file = fopen("/proc/self/stat", "r");
	char state = 0;

	if (!file || fscanf(file, "%*d %*s %c", &state) != 1)
		exit(2);
	fclose(file);
	return state == 'Z';
}

static void *work(void *arg)
{
	char line[64];

	while (!is_zombie())
		usleep(1000);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		void *volatile block = malloc(4711);

		puts(block ? "done" : "no memory");
		fflush(stdout);
	}
	exit(0);
	return arg;
}

int main(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, work, NULL) != 0)
		return 2;
	pthread_exit(NULL);
}
