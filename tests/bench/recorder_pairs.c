/*
 * Time of one free()+malloc() pair, 50,000 live blocks per thread
 * in random order, called 20 frames deep:
 *
 *	recorder_pairs THREADS [LIVE]
 *
 * Each line on standard input is a number of pairs; the answer is the mean of
 * the threads, in ns per pair. "gap MS" leaves the threads idle and watches the
 * clock for so long; the answer is the longest time without a look at it, in
 * us: for how long the process was stopped.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static unsigned live_blocks = 50000;

enum { DEPTH = 20, FRAMES_AROUND = 5, MAX_THREADS = 64 };

static pthread_barrier_t barrier;
static long pairs;
static double result[MAX_THREADS];

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static __attribute__((noinline)) void *get(size_t size)
{
	void *p = malloc(size);

	__asm__ volatile("" : : "r"(p) : "memory");
	return p;
}

static __attribute__((noinline)) void churn(void **live, unsigned *seed, long n)
{
	unsigned s = *seed;

	for (long i = 0; i < n; i++) {
		unsigned k;

		s = s * 1664525u + 1013904223u;
		k = (s >> 8) % live_blocks;
		free(live[k]);
		live[k] = get(16 + (s >> 20) % 240);
	}
	*seed = s;
}

static __attribute__((noinline)) void deep(int depth, void **live, unsigned *seed, long n)
{
	if (depth > 0)
		deep(depth - 1, live, seed, n);
	else
		churn(live, seed, n);
	__asm__ volatile("" : : "r"(depth) : "memory");
}

static void *work(void *arg)
{
	size_t me = (size_t)arg;
	void **live = calloc(live_blocks, sizeof(*live));
	unsigned seed = (unsigned)me * 7919u + 1;

	deep(DEPTH - FRAMES_AROUND, live, &seed, live_blocks * 4l);
	for (;;) {
		double start;

		pthread_barrier_wait(&barrier);
		if (pairs <= 0)
			return NULL;
		start = now_ns();
		deep(DEPTH - FRAMES_AROUND, live, &seed, pairs);
		result[me] = (now_ns() - start) / (double)pairs;
		pthread_barrier_wait(&barrier);
	}
}

static double longest_gap(double ms)
{
	double start = now_ns(), before = start, longest = 0;

	while (before - start < ms * 1e6) {
		double now = now_ns();

		if (now - before > longest)
			longest = now - before;
		before = now;
	}
	return longest / 1e3;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1;
	pthread_t thread;
	char line[64];

	if (argc > 2)
		live_blocks = (unsigned)atoi(argv[2]);
	pthread_barrier_init(&barrier, NULL, (unsigned)n + 1);
	for (size_t i = 0; i < (size_t)n && i < MAX_THREADS; i++)
		pthread_create(&thread, NULL, work, (void *)i);
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		double sum = 0;

		if (strncmp(line, "gap ", 4) == 0) {
			printf("%.1f\n", longest_gap(atof(line + 4)));
			fflush(stdout);
			continue;
		}
		pairs = atol(line);
		if (pairs <= 0)
			return 0;
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		for (int i = 0; i < n; i++)
			sum += result[i];
		printf("%.2f\n", sum / n);
		fflush(stdout);
	}
	return 0;
}
