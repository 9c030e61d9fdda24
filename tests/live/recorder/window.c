/*
 * Who reads its blocks sees whether that is one instant.
 *
 *   window PAIRS     each a thread that leads and one that follows
 *
 * Step k of a thread makes a block whose size says who made it and k, and frees the one
 * that it made LIVE steps before: at any instant it has LIVE blocks of successive steps,
 * or one more. Who leads is ahead, by at most LEAD steps. Each line of the standard input
 * is a number of blocks of KEPT_SIZE bytes that stay; the first one has the threads begin.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

enum { LIVE = 1500, LEAD = 64, STEPS = 4096, FIRST_SIZE = 1000, KEPT_SIZE = 100, MAX_PAIRS = 4 };

struct thread {
	pthread_t thread;
	unsigned number;
	_Atomic unsigned long steps;
	void *live[LIVE];
};

static struct thread threads[2 * MAX_PAIRS];
static atomic_bool done;

/* May it make the step after `k`? */
static int may_go_on(const struct thread *t, unsigned long k)
{
	if (t->number % 2)
		return atomic_load(&t[-1].steps) > k;
	return k < atomic_load(&t[1].steps) + LEAD;
}

static void *work(void *arg)
{
	struct thread *t = arg;

	for (unsigned long k = 0; !atomic_load(&done);) {
		void *block;

		if (!may_go_on(t, k)) {
			sched_yield();
			continue;
		}
		block = malloc(FIRST_SIZE + t->number * STEPS + k % STEPS);
		free(t->live[k % LIVE]);
		t->live[k % LIVE] = block;
		atomic_store(&t->steps, ++k);
	}
	return NULL;
}

static void keep(long n)
{
	static void *volatile last;

	for (long i = 0; i < n; i++) {
		void **block = malloc(KEPT_SIZE); /* kept */

		*block = last;
		last = block;
	}
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? 2 * (unsigned)atoi(argv[1]) : 2, begun = 0;
	char line[32];

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		keep(atol(line));
		for (; begun < n && begun < 2 * MAX_PAIRS; begun++) {
			threads[begun].number = begun;
			pthread_create(&threads[begun].thread, NULL, work, &threads[begun]);
		}
		puts("kept");
		fflush(stdout);
	}
	atomic_store(&done, 1);
	for (unsigned i = 0; i < begun; i++)
		pthread_join(threads[i].thread, NULL);
	puts("ok");
	return 0;
}
