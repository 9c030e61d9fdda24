/* Threads with names that take known amounts, one after the other, when a byte comes; the
 * last one ends. Prints what each has taken, by name. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIZE = 1000, THREADS = 3 };

static const struct part { const char *name; int n; } parts[THREADS] = {
	{ "one", 100 }, { "two", 300 }, { "three", 700 },
};
static sem_t taken;
void *volatile kept[2000];
static int nkept;

static void *take(void *arg)
{
	const struct part *part = arg;

	pthread_setname_np(pthread_self(), part->name);
	for (int i = 0; i < part->n; i++)
		kept[nkept++] = malloc(SIZE);
	sem_post(&taken);
	while (part != &parts[THREADS - 1])
		pause();
	return NULL;
}

int main(void)
{
	pthread_t threads[THREADS];
	char byte;

	sem_init(&taken, 0, 0);
	puts("ready");
	fflush(stdout);
	if (read(0, &byte, 1) != 1)
		return 1;
	for (int i = 0; i < THREADS; i++) {
		pthread_create(&threads[i], NULL, take, (void *)&parts[i]);
		sem_wait(&taken);
	}
	pthread_join(threads[THREADS - 1], NULL);
	puts("done");
	fflush(stdout);
	return read(0, &byte, 1) != 1;
}
