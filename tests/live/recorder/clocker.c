/*
 * A thread that rests where it was about to learn the time: hooks ask the kernel's
 * clock_gettime() in the vDSO, which this program itself never does.
 *
 *	clocker [BYTES [NESTED]]    what its handler keeps on the stack, and how often it is
 *	                            interrupted itself: then it has a stack of its own
 *
 * Says "ready". At the first line on standard input its thread, which does nothing but
 * allocate, is interrupted until that meets it in the vDSO; there it stays, and
 * "inside" is said. At the second line it goes on, and "ok" is said.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <ucontext.h>
#include <unistd.h>

enum { VDSO_SIZE = 8192 };

static int door[2];
static atomic_bool done, inside;
static atomic_ulong answered;
static uint64_t vdso;
static size_t room = 1;
static int nested;

static void rest(void)
{
	char c;

	atomic_store(&inside, 1);
	while (read(door[0], &c, 1) < 0)
		;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *at = context;
	char *kept = __builtin_alloca(room);

	(void)info;
	__asm__ volatile("" : : "r"(kept) : "memory");
	if (sig == SIGUSR2 ||
	    (!atomic_load(&inside) && (uint64_t)at->uc_mcontext.gregs[REG_RIP] - vdso < VDSO_SIZE)) {
		if (nested-- > 0)
			raise(SIGUSR2);
		else
			rest();
	}
	if (sig == SIGUSR1)
		atomic_fetch_add(&answered, 1);
}

static void *work(void *arg)
{
	const size_t size = room * (size_t)(nested + 1) + (1 << 20);
	stack_t stack = { .ss_sp = malloc(size), .ss_size = size };

	if (nested)
		sigaltstack(&stack, NULL);
	while (!atomic_load(&done)) {
		void *volatile block = malloc(100);

		free(block);
	}
	return arg;
}

static void meet(pthread_t thread)
{
	for (unsigned long asked = 1; !atomic_load(&inside); asked++) {
		pthread_kill(thread, SIGUSR1);
		while (atomic_load(&answered) < asked && !atomic_load(&inside))
			sched_yield();
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK };
	char line[64];
	unsigned long before;
	pthread_t thread;

	if (argc > 1)
		room = strtoul(argv[1], NULL, 10);
	if (argc > 2)
		nested = atoi(argv[2]);
	vdso = getauxval(AT_SYSINFO_EHDR);
	if (!vdso || pipe(door) != 0)
		return 2;
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGUSR2, &action, NULL);
	pthread_create(&thread, NULL, work, NULL);
	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 2;
	meet(thread);
	puts("inside");
	fflush(stdout);
	before = atomic_load(&answered);
	if (!fgets(line, sizeof(line), stdin) || write(door[1], "x", 1) != 1)
		return 2;
	/* Whatever comes of it has come when the thread answers once more. */
	while (atomic_load(&answered) == before)
		sched_yield();
	puts("ok");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		;
	atomic_store(&done, 1);
	pthread_join(thread, NULL);
	return 0;
}
