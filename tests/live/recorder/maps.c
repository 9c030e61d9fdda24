/*
 * Memory of all kinds, as a line of the input says; after each it says what it has.
 *
 *	blocks N SIZE      N blocks of malloc, kept
 *	arenas N           N threads fill arenas of their own and free most of it
 *	giver N            N threads that free first, and then allocate
 *	threads N          N threads that end and are not joined
 *	private BYTES      a mapping, filled
 *	shared BYTES       of memfd_create(), filled
 *	file BYTES         a shared mapping of a file, which is no memory
 *	grow BYTES         sbrk(), also negative
 *	burst N SIZE       N blocks of malloc, freed again
 *	keep BYTES         a mapping that the next ones are about
 *	drop FROM BYTES    a part of it is unmapped
 *	fail               what cannot be done to it is tried
 *	move BYTES         mremap()
 *	pool BYTES, unpool as shared, and unmapped again
 *	raw BYTES          a mapping that no function of the C library has made
 *	unraw              the same away, in the same manner
 *	storm N STEPS      N threads map, unmap, move and overwrite pieces; then it says
 *	                   the sizes of those that are left
 *	loop N, end        the same until it is ended
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
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

static __attribute__((noinline)) void blocks(long n, long size)
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

static void *free_first(void *block)
{
	free(block);
	return malloc(EACH);
}

static __attribute__((noinline)) void giver(long n)
{
	pthread_t threads[64];

	for (long i = 0; i < n; i++)
		CHECK(pthread_create(&threads[i], NULL, free_first, malloc(EACH)) == 0);
	for (long i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

static __attribute__((noinline)) void unjoined(long n)
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

static __attribute__((noinline)) void private(long size)
{
	filled(mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	       (size_t)size);
}

static __attribute__((noinline)) void shared(long size)
{
	int fd = memfd_create("pool", 0);

	CHECK(ftruncate(fd, size) == 0);
	filled(mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), (size_t)size);
	close(fd);
}

static __attribute__((noinline)) void file(long size)
{
	char path[] = "/tmp/tmattach-maps-XXXXXX";
	int fd = mkstemp(path);

	CHECK(fd >= 0 && unlink(path) == 0 && ftruncate(fd, size) == 0);
	filled(mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), (size_t)size);
	close(fd);
}

static __attribute__((noinline)) void grow(long size)
{
	CHECK(sbrk(size) != (void *)-1);
}

static __attribute__((noinline)) void burst(long n, long size)
{
	char **all = calloc((size_t)n, sizeof(*all));

	for (long i = 0; i < n; i++)
		CHECK(all[i] = memset(malloc((size_t)size), 1, (size_t)size));
	for (long i = 0; i < n; i++)
		free(all[i]);
	free(all);
}

static char *kept, *pooled;
static size_t kept_size, pooled_size;

static __attribute__((noinline)) void keeper(long size)
{
	kept = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(kept != MAP_FAILED);
	kept_size = (size_t)size;
}

static __attribute__((noinline)) void mover(long size)
{
	kept = mremap(kept, kept_size, (size_t)size, MREMAP_MAYMOVE);
	CHECK(kept != MAP_FAILED);
	kept_size = (size_t)size;
}

static void fail(void)
{
	CHECK(mremap(kept, kept_size, kept_size, ~0) == MAP_FAILED);
	CHECK(mremap(kept, kept_size, kept_size << 32, 0) == MAP_FAILED);
}

static __attribute__((noinline)) void pool(long size)
{
	int fd = memfd_create("pool", 0);

	CHECK(ftruncate(fd, size) == 0);
	pooled = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(pooled != MAP_FAILED);
	pooled_size = (size_t)size;
	close(fd);
}

static char *raw_at;
static long raw_size;

static void raw(long size)
{
	long at = syscall(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	raw_at = (char *)at;
	raw_size = size;
	filled(raw_at, (size_t)size);
}

static void unraw(char *at, long size)
{
	CHECK(syscall(SYS_munmap, at, size) == 0);
}

/* ---- the storm --------------------------------------------------------------- */

enum { PIECES = 64, MOST = 16, PAGE = 4096 };

struct piece {
	char *at;
	size_t size;
	int shared; /* it has no pages beyond those that it began with */
};

struct storm {
	pthread_t thread;
	unsigned seed;
	long steps; /* -1: until it is over */
	struct piece pieces[PIECES];
	int n;
};

static struct storm storms[16];
static volatile int over;

static unsigned draw(struct storm *s, unsigned below)
{
	s->seed = s->seed * 1103515245u + 12345u;
	return (s->seed >> 16) % below;
}

static void keep(struct storm *s, char *at, size_t size, int shared)
{
	if (!size)
		return;
	s->pieces[s->n++] = (struct piece){ at, size, shared };
	*at = (char)(uintptr_t)s;
}

static struct piece take(struct storm *s)
{
	unsigned i = draw(s, (unsigned)s->n);
	struct piece piece = s->pieces[i];

	CHECK(*piece.at == (char)(uintptr_t)s);
	s->pieces[i] = s->pieces[--s->n];
	return piece;
}

static __attribute__((noinline)) void map_piece(struct storm *s)
{
	size_t size = (1 + draw(s, MOST)) * PAGE;
	int shared = draw(s, 4) == 0;
	char *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			(shared ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS, -1, 0);

	CHECK(at != MAP_FAILED);
	keep(s, at, size, shared);
}

/* A hole of any place and size. */
static __attribute__((noinline)) void unmap_piece(struct storm *s)
{
	struct piece p = take(s);
	size_t from = draw(s, (unsigned)(p.size / PAGE)) * PAGE;
	size_t to = from + (1 + draw(s, (unsigned)((p.size - from) / PAGE))) * PAGE;

	CHECK(munmap(p.at + 1, PAGE) == -1 && munmap(p.at, 0) == -1);
	CHECK(munmap(p.at + from, to - from - draw(s, 2)) == 0);
	keep(s, p.at, from, p.shared);
	keep(s, p.at + to, p.size - to, p.shared);
}

/* Over a part of it. */
static __attribute__((noinline)) void map_over(struct storm *s)
{
	struct piece p = take(s);
	size_t from = draw(s, (unsigned)(p.size / PAGE)) * PAGE;
	size_t to = from + (1 + draw(s, (unsigned)((p.size - from) / PAGE))) * PAGE;

	CHECK(mmap(p.at + from, to - from, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == p.at + from);
	keep(s, p.at, from, p.shared);
	keep(s, p.at + from, to - from, 0);
	keep(s, p.at + to, p.size - to, p.shared);
}

static __attribute__((noinline)) void move_piece(struct storm *s)
{
	struct piece p = take(s);
	size_t size = (1 + draw(s, MOST)) * PAGE;
	char *at;

	CHECK(mremap(p.at, p.size, size, ~0) == MAP_FAILED);
	if (p.shared && size > p.size)
		size = p.size;
	at = mremap(p.at, p.size, size, MREMAP_MAYMOVE);
	CHECK(at != MAP_FAILED);
	keep(s, at, size, p.shared);
}

/* It fails where the piece is shared: then it stays. */
static __attribute__((noinline)) void copy_piece(struct storm *s)
{
	struct piece p = take(s);
	char *at = mremap(p.at, p.size, p.size, MREMAP_MAYMOVE | MREMAP_DONTUNMAP);

	keep(s, p.at, p.size, p.shared);
	if (at != MAP_FAILED)
		keep(s, at, p.size, p.shared);
}

static void *rage(void *storm)
{
	static void (*const acts[])(struct storm *s) = {
		map_piece, unmap_piece, map_over, move_piece, copy_piece,
	};
	struct storm *s = storm;

	for (long i = 0; s->steps < 0 ? !over : i < s->steps; i++) {
		while (s->n > PIECES - 4) {
			struct piece p = take(s);

			CHECK(munmap(p.at, p.size) == 0);
		}
		acts[s->n ? draw(s, 5) : 0](s);
	}
	return NULL;
}

static void begin(long n, long steps)
{
	over = 0;
	for (long i = 0; i < n; i++) {
		storms[i].steps = steps;
		storms[i].seed = (unsigned)i + 1;
		CHECK(pthread_create(&storms[i].thread, NULL, rage, &storms[i]) == 0);
	}
}

static void end(long n)
{
	over = 1;
	for (long i = 0; i < n; i++)
		pthread_join(storms[i].thread, NULL);
	for (long i = 0; i < n; i++)
		for (int k = 0; k < storms[i].n; k++)
			printf("%zu ", storms[i].pieces[k].size);
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
		else if (strcmp(what, "giver") == 0)
			giver(a);
		else if (strcmp(what, "threads") == 0)
			unjoined(a);
		else if (strcmp(what, "private") == 0)
			private(a);
		else if (strcmp(what, "shared") == 0)
			shared(a);
		else if (strcmp(what, "file") == 0)
			file(a);
		else if (strcmp(what, "grow") == 0)
			grow(a);
		else if (strcmp(what, "burst") == 0)
			burst(a, b);
		else if (strcmp(what, "keep") == 0)
			keeper(a);
		else if (strcmp(what, "drop") == 0)
			CHECK(munmap(kept + a, (size_t)b) == 0);
		else if (strcmp(what, "fail") == 0)
			fail();
		else if (strcmp(what, "move") == 0)
			mover(a);
		else if (strcmp(what, "pool") == 0)
			pool(a);
		else if (strcmp(what, "unpool") == 0)
			CHECK(munmap(pooled, pooled_size) == 0);
		else if (strcmp(what, "raw") == 0)
			raw(a);
		else if (strcmp(what, "unraw") == 0)
			unraw(raw_at, raw_size);
		else if (strcmp(what, "loop") == 0)
			begin(a, -1);
		else if (strcmp(what, "storm") == 0)
			begin(a, b);
		if (strcmp(what, "storm") == 0 || strcmp(what, "end") == 0)
			end(a);
		printf("done\n");
		fflush(stdout);
	} while (fgets(line, sizeof(line), stdin));
	return 0;
}
