/*
 * Threads that rest inside an allocator for as long as they are told to: this
 * program has its own malloc and realloc.
 *
 *	rester
 *
 * Says "ready". At the first line on standard input three threads go in: one
 * into malloc, one into realloc, one into a malloc that is interrupted by a
 * signal whose handler rests on a stack of its own; then it says "inside". At
 * the second line they come out, and it says "ok" if each got what it asked
 * for and nothing it held has changed.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REST = 4711, SIGNAL = 4713, KEPT = 12 };

void *__libc_malloc(size_t size);
void *__libc_realloc(void *block, size_t size);

static int door[2];
static atomic_int inside;

static void rest(void)
{
	char c;

	atomic_fetch_add(&inside, 1);
	while (read(door[0], &c, 1) < 0)
		;
}

static void on_signal(int sig)
{
	(void)sig;
	rest();
}

__attribute__((noinline)) void *malloc(size_t size)
{
	if (size == REST)
		rest();
	if (size == SIGNAL)
		raise(SIGUSR1);
	return __libc_malloc(size);
}

__attribute__((noinline)) void *realloc(void *block, size_t size)
{
	if (size == REST)
		rest();
	return __libc_realloc(block, size);
}

/* More values than registers, all in use on both sides of the call. */
static void *keep(void *block, size_t size, unsigned long seed)
{
	unsigned long a = seed * 3, b = seed * 5, c = seed * 7, d = seed * 11,
		      e = seed * 13, f = seed * 17;
	char *got;

	__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
	got = block ? realloc(block, size) : malloc(size);
	__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
	if (a + b + c + d + e + f != seed * 56 || !got)
		return NULL;
	memset(got, 1, size);
	return got;
}

static void *work(void *arg)
{
	unsigned long me = (unsigned long)arg;
	char *block = me == 1 ? malloc(100) : NULL, *got;
	stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };

	sigaltstack(&stack, NULL);
	if (block)
		strcpy(block, "kept");
	got = keep(block, me == 2 ? SIGNAL : REST, me * 7919 + 1);
	return got && (me != 1 || got[0] == 1) ? got : NULL;
}

int main(void)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	pthread_t threads[3];
	char line[64];
	int good = 0;

	if (pipe(door) != 0)
		return 2;
	sigaction(SIGUSR1, &action, NULL);
	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 2;
	for (unsigned long i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	while (atomic_load(&inside) < 3)
		usleep(100);
	puts("inside");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 2;
	if (write(door[1], "xxx", 3) != 3)
		return 2;
	for (int i = 0; i < 3; i++) {
		void *got;

		pthread_join(threads[i], &got);
		good += got != NULL;
	}
	puts(good == 3 ? "ok" : "bad");
	return good != 3;
}
