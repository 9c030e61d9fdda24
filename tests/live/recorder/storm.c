/*
 * Threads that do almost nothing but allocate, each with a checksum of what
 * its blocks hold: a block given out twice, or lost bytes, show up in it.
 *
 *   storm THREADS [LIBRARY]    with LIBRARY another thread loads and unloads
 *                              it again and again (not in static programs)
 *
 * For each line of its standard input it keeps one more block, and says so;
 * when that is closed it prints "ok ROUNDS" or "bad".
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifndef NO_DLOPEN
#include <dlfcn.h>
#endif

enum { BLOCKS = 400, MAX_SIZE = 3000, KEPT_SIZE = 1000 };

static atomic_bool done;
static atomic_ulong rounds, bad;

struct block {
	unsigned char *bytes;
	size_t size;
	unsigned char mark;
};

static void check(const struct block *b)
{
	if (b->bytes && b->size &&
	    (b->bytes[0] != b->mark || b->bytes[b->size - 1] != b->mark ||
	     b->bytes[b->size / 2] != b->mark))
		atomic_fetch_add(&bad, 1);
}

static __attribute__((noinline)) void *get(unsigned how, size_t size, int depth)
{
	void *p = NULL;

	if (depth > 0) {
		p = get(how, size, depth - 1);
		__asm__ volatile("" : : "r"(p) : "memory");
		return p;
	}
	switch (how % 4) {
	case 0: return calloc(1, size);
	case 1: return posix_memalign(&p, 64, size) ? NULL : p;
	default: return malloc(size);
	}
}

static void fill(struct block *b, unsigned seed)
{
	b->mark = (unsigned char)seed;
	memset(b->bytes, b->mark, b->size);
}

static void turn(struct block *b, unsigned seed)
{
	check(b);
	if (b->bytes && seed % 5 == 0) {
		size_t size = 1 + seed / 7 % MAX_SIZE;
		unsigned char *moved = realloc(b->bytes, size);
		size_t kept = size < b->size ? size : b->size;

		if (moved[0] != b->mark || moved[kept - 1] != b->mark)
			atomic_fetch_add(&bad, 1);
		b->bytes = moved;
		b->size = size;
	} else {
		free(b->bytes);
		b->size = 1 + seed / 11 % MAX_SIZE;
		b->bytes = get(seed >> 3, b->size, (int)(seed % 9));
	}
	fill(b, seed >> 5);
}

static void *work(void *arg)
{
	struct block *blocks = calloc(BLOCKS, sizeof(*blocks));
	unsigned seed = (unsigned)(uintptr_t)arg * 2654435761u + 1;

	while (!atomic_load_explicit(&done, memory_order_relaxed)) {
		for (int i = 0; i < 1000; i++) {
			seed = seed * 1664525u + 1013904223u;
			turn(&blocks[(seed >> 16) % BLOCKS], seed >> 4);
		}
		atomic_fetch_add(&rounds, 1);
	}
	for (int i = 0; i < BLOCKS; i++) {
		check(&blocks[i]);
		free(blocks[i].bytes);
	}
	free(blocks);
	return NULL;
}

static void *load(void *arg)
{
#ifndef NO_DLOPEN
	while (!atomic_load(&done)) {
		void *library = dlopen(arg, RTLD_NOW);

		if (!library) {
			fprintf(stderr, "%s\n", dlerror());
			atomic_fetch_add(&bad, 1);
			return NULL;
		}
		dlclose(library);
	}
#endif
	return arg;
}

/* Never freed: the tests count these blocks by this line. */
static void keep(void)
{
	static void *volatile last;
	void **block = malloc(KEPT_SIZE); /* kept */

	*block = last;
	last = block;
	puts("kept");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 8;
	pthread_t threads[64], loader;
	char c;

	for (int i = 0; i < n && i < 64; i++)
		pthread_create(&threads[i], NULL, work, (void *)(uintptr_t)(i + 1));
	if (argc > 2)
		pthread_create(&loader, NULL, load, argv[2]);
	puts("ready");
	fflush(stdout);
	while (read(0, &c, 1) > 0)
		if (c == '\n')
			keep();
	atomic_store(&done, 1);
	for (int i = 0; i < n && i < 64; i++)
		pthread_join(threads[i], NULL);
	if (argc > 2)
		pthread_join(loader, NULL);
	if (bad)
		printf("bad %lu\n", bad);
	else
		printf("ok %lu\n", rounds);
	return bad != 0;
}
