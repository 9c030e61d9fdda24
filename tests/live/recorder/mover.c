/*
 * A thread that stands in the first bytes of an allocation function: this
 * program's memalign() begins by filling memory with one long instruction,
 * where a hook's jump is to be written.
 *
 *	mover PAUSE_US     between two calls; 0: it is hardly ever elsewhere
 *
 * Says "ready". At a line on standard input the thread ends, and it says "ok"
 * and the number of calls if each has filled all; then it waits for the end of
 * its input. If that comes first, it says the same.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SIZE = 8 << 20 };

/* mov %rsi, %rcx; rep stosb: five bytes; then a NULL. */
__asm__(".text\n"
	".globl memalign\n"
	".type memalign, @function\n"
	"memalign: .cfi_startproc\n"
	"mov %rsi, %rcx\n"
	"rep stosb\n"
	"xor %eax, %eax\n"
	"ret\n"
	".cfi_endproc\n"
	".size memalign, . - memalign\n");
void *memalign(size_t block, size_t size);

/* The compiler believes to know what memalign() does. */
static void *(*volatile fill)(size_t, size_t) = memalign;
static atomic_int done, bad;
static atomic_long calls;
static useconds_t pause_us;

static void *work(void *arg)
{
	volatile char *bytes = arg;

	while (!atomic_load(&done)) {
		bytes[0] = 1;
		bytes[SIZE / 2] = 2;
		bytes[SIZE - 1] = 3;
		if (fill((size_t)arg, SIZE) || bytes[0] != bytes[SIZE / 2] ||
		    bytes[0] != bytes[SIZE - 1])
			atomic_fetch_add(&bad, 1);
		atomic_fetch_add(&calls, 1);
		if (pause_us)
			usleep(pause_us);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	char *bytes = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;

	pause_us = argc > 1 ? (useconds_t)atoi(argv[1]) : 0;
	if (bytes == MAP_FAILED || pthread_create(&thread, NULL, work, bytes) != 0)
		return 2;
	while (atomic_load(&calls) == 0)
		usleep(100);
	puts("ready");
	fflush(stdout);
	getchar();
	atomic_store(&done, 1);
	pthread_join(thread, NULL);
	printf("%s %ld\n", atomic_load(&bad) ? "bad" : "ok", atomic_load(&calls));
	fflush(stdout);
	while (getchar() != EOF)
		;
	return atomic_load(&bad) != 0;
}
