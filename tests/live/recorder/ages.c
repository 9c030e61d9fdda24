/*
 * Allocates what it is told to, a line each, and says when it did: "NAME N SIZE"
 *
 *	old, young     N blocks that stay
 *	burst          N blocks, freed at once
 *	threads        the same in four threads, which meet before they free
 *	saw            N bursts, each of one block more than the last
 *	grow, shrink   one block, which realloc() makes SIZE bytes
 *	pass           N blocks one after the other, each freed before the next
 *	fork           a child that does a burst
 *
 * The answer is CLOCK_MONOTONIC before and after, in ns.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define APART __attribute__((noipa)) /* and not folded into one */
#define USED(p) __asm__ volatile("" : : "r"(p) : "memory")

enum { MOST = 100000, THREADS = 4 };

static pthread_barrier_t barrier;
static long n, size;
static void *moving;

APART static void *old(size_t bytes)
{
	void *p = malloc(bytes);

	USED(p);
	return p;
}

APART static void *young(size_t bytes)
{
	void *p = malloc(bytes);

	USED(p);
	return p;
}

APART static void *burst_block(size_t bytes)
{
	void *p = malloc(bytes);

	USED(p);
	return p;
}

APART static void *moved(void *p, size_t bytes)
{
	p = realloc(p, bytes);
	USED(p);
	return p;
}

static void burst(long many, int meet)
{
	void **all = alloca((size_t)many * sizeof(*all));

	for (long i = 0; i < many; i++)
		all[i] = burst_block((size_t)size);
	if (meet)
		pthread_barrier_wait(&barrier);
	for (long i = 0; i < many; i++)
		free(all[i]);
}

static void *run_thread(void *ctx)
{
	burst(n, 1);
	return ctx;
}

static void threads(void)
{
	pthread_t all[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&all[i], NULL, run_thread, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(all[i], NULL);
}

static void child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		burst(n, 0);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void obey(const char *what)
{
	if (strcmp(what, "burst") == 0)
		burst(n, 0);
	else if (strcmp(what, "threads") == 0)
		threads();
	else if (strcmp(what, "fork") == 0)
		child();
	else if (strcmp(what, "grow") == 0 || strcmp(what, "shrink") == 0)
		moving = moved(moving, (size_t)size);
	for (long i = 0; strcmp(what, "old") == 0 && i < n; i++)
		old((size_t)size);
	for (long i = 0; strcmp(what, "young") == 0 && i < n; i++)
		young((size_t)size);
	for (long i = 0; strcmp(what, "pass") == 0 && i < n; i++)
		free(young((size_t)size));
	for (long i = 1; strcmp(what, "saw") == 0 && i <= n; i++)
		burst(i, 0);
}

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int main(void)
{
	char line[128], what[16];

	pthread_barrier_init(&barrier, NULL, THREADS);
	setvbuf(stdin, NULL, _IONBF, 0);
	setvbuf(stdout, NULL, _IONBF, 0);
	puts("ready");
	while (fgets(line, sizeof(line), stdin) && sscanf(line, "%15s %ld %ld", what, &n, &size) == 3) {
		long long before = now();

		if (n > MOST)
			return 1;
		obey(what);
		printf("%lld %lld\n", before, now());
	}
	return 0;
}
