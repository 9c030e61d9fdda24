/*
 * A thread that does nothing but read the clock: the largest gap between two
 * readings is for how long the process was stopped, seen by itself.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

int gaps_start(void);
void gaps_reset(void);
uint64_t gaps_largest(void);

static _Atomic uint64_t largest;
static atomic_bool forget;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void *spin(void *arg)
{
	uint64_t before = now_ns();

	(void)arg;
	for (;;) {
		uint64_t now = now_ns();

		if (atomic_exchange(&forget, false))
			atomic_store(&largest, 0);
		else if (now - before > atomic_load(&largest))
			atomic_store(&largest, now - before);
		before = now;
	}
	return NULL;
}

int gaps_start(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, spin, NULL);
}

/* Returns when the thread has forgotten what it saw. */
void gaps_reset(void)
{
	atomic_store(&forget, true);
	while (atomic_load(&forget))
		;
}

uint64_t gaps_largest(void)
{
	return atomic_load(&largest);
}
