/*
 * Threads that rest inside an allocator for as long as they are told to: this
 * program has its own malloc and realloc.
 *
 *	rester [new]
 *
 * Says "ready". At the first line on standard input four threads go in: one
 * into malloc, one into realloc, one into a malloc that is interrupted by a
 * signal whose handler rests on a stack of its own, and one that has come out
 * again and rests where its stack still holds what the calls have left there,
 * called by code that nobody can unwind; then it says "inside". At the second
 * line they come out, and it says "ok" if each got what it asked for and
 * nothing it held has changed. With "new" only one thread goes in, into an
 * operator new, which a hook has to return to.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { REST = 4711, SIGNAL = 4713, LEFTOVERS = 3, THREADS = 4 };

void *__libc_malloc(size_t size);
void *__libc_realloc(void *block, size_t size);
void *_Znwm(size_t size);
void *_ZnwmRKSt9nothrow_t(size_t size, const void *tag);

static int door[2];
static atomic_int inside;
static void *without_rows;

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

/* operator new, which a program of C may define as well. */
__attribute__((noinline)) void *_ZnwmRKSt9nothrow_t(size_t size, const void *tag)
{
	(void)tag;
	if (size == REST)
		rest();
	return __libc_malloc(size);
}

__attribute__((noinline)) void *_Znwm(size_t size)
{
	void *got = _ZnwmRKSt9nothrow_t(size, NULL);

	if (!got)
		abort();
	return got;
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

__attribute__((noinline)) static void leave_traces(void)
{
	char room[3000];

	__asm__ volatile("" : : "r"(room) : "memory");
	for (int i = 0; i < 10; i++)
		free(realloc(malloc(100), 5000));
}

__attribute__((noinline)) static void rest_on_traces(void)
{
	char untouched[16384];

	__asm__ volatile("" : : "r"(untouched) : "memory");
	rest();
}

static void traces(void)
{
	leave_traces();
	rest_on_traces();
}

/* sub $64, %rsp; xor %ebp, %ebp; call *%rdi; add $64, %rsp; ret */
static void *code_without_rows(void)
{
	static const unsigned char code[] = { 0x48, 0x83, 0xec, 0x40, 0x31, 0xed, 0xff, 0xd7,
					      0x48, 0x83, 0xc4, 0x40, 0xc3 };
	unsigned char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(page, code, sizeof(code));
	return mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0 ? page : NULL;
}

static void call_traces(void)
{
	__asm__ volatile("push %%rbp; call *%0; pop %%rbp" : : "r"(without_rows), "D"(traces)
			 : "rax", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc");
}

static void *work_new(void *arg)
{
	void *(*volatile operator_new)(size_t) = _Znwm;

	return operator_new(arg ? REST : 1);
}

static void *work(void *arg)
{
	unsigned long me = (unsigned long)arg;
	char *block = me == 1 ? malloc(100) : NULL, *got;
	stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };

	if (me == LEFTOVERS) {
		call_traces();
		return without_rows;
	}
	sigaltstack(&stack, NULL);
	if (block)
		strcpy(block, "kept");
	got = keep(block, me == 2 ? SIGNAL : REST, me * 7919 + 1);
	return got && (me != 1 || got[0] == 1) ? got : NULL;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };
	int threads_wanted = argc > 1 ? 1 : THREADS;
	pthread_t threads[THREADS];
	char line[64];
	int good = 0;

	without_rows = code_without_rows();
	if (pipe(door) != 0 || !without_rows)
		return 2;
	sigaction(SIGUSR1, &action, NULL);
	puts("ready");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 2;
	for (unsigned long i = 0; i < (unsigned long)threads_wanted; i++)
		pthread_create(&threads[i], NULL, argc > 1 ? work_new : work,
			       argc > 1 ? argv[1] : (void *)i);
	while (atomic_load(&inside) < threads_wanted)
		usleep(100);
	puts("inside");
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return 2;
	if (write(door[1], "xxxx", (size_t)threads_wanted) != threads_wanted)
		return 2;
	for (int i = 0; i < threads_wanted; i++) {
		void *got;

		pthread_join(threads[i], &got);
		good += got != NULL;
	}
	puts(good == threads_wanted ? "ok" : "bad");
	fflush(stdout);
	/* To be looked at once more. */
	while (argc > 1 && fgets(line, sizeof(line), stdin))
		;
	return good != threads_wanted;
}
