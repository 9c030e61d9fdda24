/*
 * A generated workload of everything that allocates: all functions, growing
 * and shrinking, frees of blocks of an earlier phase, threads that end, fork,
 * vfork, loading and unloading a library, handlers of signals that allocate.
 *
 *	workload SEED THREADS LIBRARY
 *
 * Each line on standard input is the number of steps of one phase; after it,
 * when everything stands still, the number of events logged so far (by the
 * preloaded shim) or 0 is printed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BLOCKS = 3000, HANDLED = 64 };

extern char **environ;

struct place {
	void *p;
	size_t size;
};

/* One pool per thread number: it outlives the threads of a phase. */
static struct place pools[64][BLOCKS];
static const char *library;
static long steps;
/* tcmalloc's locks do not bear handlers that allocate while a thread ends, nor
 * children that allocate: it hangs by itself. */
static int calm;
/* The shim's: is this thread in the allocator? Without the shim nobody knows,
 * and handlers keep off it. */
static int (*is_inside)(void);

static _Thread_local void *handled[HANDLED];
static _Thread_local unsigned nhandled;

static unsigned next(unsigned *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static __attribute__((noinline)) void *get(unsigned what, size_t size)
{
	void *p = NULL;

	switch (what % 10) {
	case 0: return calloc(size / 8 + 1, 8);
	case 1: return posix_memalign(&p, 8u << what % 7, size) ? NULL : p;
	case 2: return aligned_alloc(64, size);
	case 3: return memalign(256, size);
	case 4: return what % 64 ? malloc(size) : valloc(size);
	case 5: return what % 64 ? malloc(size) : pvalloc(size);
	case 6: return reallocarray(NULL, size / 16 + 1, 16);
	case 7: return realloc(NULL, size);
	default: return malloc(size);
	}
}

static size_t a_size(unsigned random)
{
	/* Mostly small, sometimes beyond the threshold of mmap. */
	if (random % 500 == 0)
		return 100000 + random % 400000;
	return random % (random % 3 ? 200 : 5000);
}

static void act(struct place *at, unsigned *seed)
{
	unsigned what = next(seed);
	size_t size = a_size(next(seed));

	if (at->p && what % 4 == 0) {
		void *p = what % 8 ? realloc(at->p, size)
				   : reallocarray(at->p, size / 4 + 1, 4);

		at->p = p;
		return;
	}
	free(at->p);
	at->p = what % 3 ? get(what / 3, size) : NULL;
}

/* fork() holds the allocator's locks for a while. */
static _Thread_local bool forking;

/* Allocates like any other code, unless it interrupted the allocator. */
static void handler(int signal)
{
	unsigned i = nhandled++ % HANDLED;

	(void)signal;
	if (calm || forking || !is_inside || is_inside())
		return;
	free(handled[i]);
	handled[i] = malloc(50 + i);
}

static void children(unsigned what)
{
	char *argv[] = { "true", NULL };
	pid_t child = -1;

	if (what % 2 == 0) {
		forking = true;
		child = fork();
		forking = false;
		if (child == 0) {
			void *p;

			if (calm)
				_exit(0);
			p = malloc(12345);
			free(pools[0][0].p);
			p = realloc(p, 99999);
			_exit(p ? 0 : 1);
		}
	} else if (posix_spawn(&child, "/bin/true", NULL, NULL, argv, environ) != 0) {
		child = -1;
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

static void rarely(unsigned what)
{
	if (what % 1000 == 1) {
		children(what / 1000);
	} else if (what % 100 == 2) {
		void *handle = dlopen(library, RTLD_NOW);

		if (handle)
			dlclose(handle);
	} else if (what % 20 == 3) {
		raise(SIGUSR1);
	}
}

static void *work(void *arg)
{
	size_t me = (size_t)arg;
	unsigned seed = (unsigned)me * 7919u + (unsigned)steps;
	sigset_t usr1;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);

	for (long i = 0; i < steps; i++) {
		act(&pools[me][next(&seed) % BLOCKS], &seed);
		if (i % 16 == 0)
			rarely(next(&seed));
	}
	/* The handlers' blocks go with the thread, or stay for ever. */
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	for (unsigned i = 0; i < HANDLED && me % 2; i++)
		free(handled[i]);
	return NULL;
}

static void phase(size_t nthreads)
{
	pthread_t threads[64];
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct itimerspec every = { { 0, 700000 }, { 0, 700000 } };
	timer_t timer;

	timer_create(CLOCK_MONOTONIC, &event, &timer);
	timer_settime(timer, 0, &every, NULL);
	for (size_t i = 0; i < nthreads; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	for (size_t i = 0; i < nthreads; i++)
		pthread_join(threads[i], NULL);
	timer_delete(timer);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	size_t nthreads = argc > 2 ? (size_t)atoi(argv[2]) : 4;
	char line[64];
	ssize_t n;

	calm = getenv("CALM") != NULL;
	library = argc > 3 ? argv[3] : "libz.so.1";
	*(void **)&is_inside = dlsym(RTLD_DEFAULT, "shim_is_inside");
	sigaction(SIGUSR1, &action, NULL);
	for (;;) {
		if (write(1, "still\n", 6) != 6)
			return 1;
		n = read(0, line, sizeof(line) - 1);
		if (n <= 0)
			return 0;
		line[n] = '\0';
		steps = atol(line) + atol(argc > 1 ? argv[1] : "1") % 97;
		phase(nthreads);
	}
}
