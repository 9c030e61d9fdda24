/* Threads with names that take known amounts, one after the other, when a byte comes; the
 * last one ends. At the next byte come FOLLOWERS that take a block each and end, one on the
 * other's stack. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIZE = 1000, THREADS = 3, FOLLOWERS = 50 };

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

static void *take_one(void *arg)
{
	(void)arg;
	kept[nkept++] = malloc(SIZE);
	return NULL;
}

static void follow(void)
{
	pthread_t thread, first;

	for (int i = 0; i < FOLLOWERS; i++) {
		pthread_create(&thread, NULL, take_one, NULL);
		pthread_join(thread, NULL);
		if (i > 0 && thread != first)
			abort();
		first = thread;
	}
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
	if (read(0, &byte, 1) != 1)
		return 1;
	follow();
	puts("followed");
	fflush(stdout);
	return read(0, &byte, 1) != 1;
}
