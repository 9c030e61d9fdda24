/*
 * Memory of all kinds, as a line of the input says; after each it says what it has.
 *
 *	blocks N SIZE      N blocks of malloc, kept
 *	arenas N           N threads fill arenas of their own and free most of it
 *	threads N          N threads that end and are not joined
 *	private BYTES      a mapping, filled
 *	shared BYTES       of memfd_create(), filled
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHECK(x) do { if (!(x)) { perror(#x); abort(); } } while (0)

enum { BLOCKS = 20000, EACH = 480, KEPT = 500 };

static void *fill(void *unused)
{
	char **p = malloc(BLOCKS * sizeof(*p));

	(void)unused;
	for (int i = 0; i < BLOCKS; i++)
		memset(p[i] = malloc(EACH), 1, EACH);
	for (int i = 0; i < BLOCKS; i++)
		if (i % KEPT)
			free(p[i]);
	return p;
}

static void *nothing(void *unused)
{
	return unused;
}

static void blocks(long n, long size)
{
	for (long i = 0; i < n; i++)
		CHECK(memset(malloc((size_t)size), 1, (size_t)size));
}

static void arenas(long n)
{
	pthread_t threads[64];

	for (long i = 0; i < n; i++)
		CHECK(pthread_create(&threads[i], NULL, fill, NULL) == 0);
	for (long i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

static void unjoined(long n)
{
	pthread_t thread;

	for (long i = 0; i < n; i++)
		CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0);
}

static void filled(void *at, size_t size)
{
	CHECK(at != MAP_FAILED);
	memset(at, 1, size);
}

static void private(long size)
{
	filled(mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	       (size_t)size);
}

static void shared(long size)
{
	int fd = memfd_create("pool", 0);

	CHECK(ftruncate(fd, size) == 0);
	filled(mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), (size_t)size);
	close(fd);
}

int main(void)
{
	static char line[256];

	setvbuf(stdin, malloc(BUFSIZ), _IOFBF, BUFSIZ);
	setvbuf(stdout, malloc(BUFSIZ), _IOFBF, BUFSIZ);
	do {
		char what[32] = "";
		long a = 0, b = 0;

		sscanf(line, "%31s %ld %ld", what, &a, &b);
		if (strcmp(what, "blocks") == 0)
			blocks(a, b);
		else if (strcmp(what, "arenas") == 0)
			arenas(a);
		else if (strcmp(what, "threads") == 0)
			unjoined(a);
		else if (strcmp(what, "private") == 0)
			private(a);
		else if (strcmp(what, "shared") == 0)
			shared(a);
		printf("done\n");
		fflush(stdout);
	} while (fgets(line, sizeof(line), stdin));
	return 0;
}
