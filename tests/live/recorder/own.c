/*
 * Programs with an allocator of their own.
 *
 *	OWN_PREFIX  as Rust's jemallocator has it, over pages
 *	OWN_GIVEN   one that nobody can know, over malloc()
 *	OWN_IDLE    the C library's names; free() does nothing
 *	OWN_FIRST   the same, with free() as the first of its symbols
 *
 * Says "ready"; each line on standard input is so many blocks of 1000 bytes, of
 * which every other one is given back, or the path of a library to load.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FAR __attribute__((noinline, noclone))

enum { CHUNK = 8 << 20, HEADER = 32 };

#ifndef OWN_GIVEN
static char *at, *end;

__attribute__((always_inline)) static inline void *bump(size_t size)
{
	char *p;

	size = (size + 15) / 16 * 16;
	if (!at || size > (size_t)(end - at)) {
		at = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		end = at + CHUNK;
	}
	p = at;
	at += size;
	return p;
}
#endif

#ifdef OWN_PREFIX
void *_rjem_malloc(size_t size);
void _rjem_sdallocx(void *p, size_t size, int flags);

FAR void *_rjem_malloc(size_t size)
{
	return bump(size);
}

FAR void _rjem_sdallocx(void *p, size_t size, int flags)
{
	memset(p, flags, size);
}

#define TAKE() _rjem_malloc(1000)
#define GIVE(p) _rjem_sdallocx(p, 1000, 1)
#elif defined(OWN_GIVEN)
static FAR void *pool_take(int kind, size_t size)
{
	char *p = malloc(size + HEADER);

	*(volatile int *)p = kind;
	return p + HEADER;
}

static FAR void pool_give(void *p)
{
	free((char *)p - HEADER);
}

/* Two names of one function, and one that need not be hooked. */
__attribute__((used, alias("pool_take"))) static void *pool_alias(int kind, size_t size);

__attribute__((used)) static FAR void pool_idle(void *p)
{
	(void)p;
}

#define TAKE() pool_take(7, 1000)
#define GIVE(p) pool_give(p)
#else
void *malloc(size_t size) { return bump(size); }
void free(void *p) { (void)p; }
void *calloc(size_t n, size_t size) { return memset(malloc(n * size), 0, n * size); }
#ifndef OWN_FIRST
void *realloc(void *old, size_t size)
{
	void *p = malloc(size);

	return old ? memcpy(p, old, size) : p;
}
#endif

#define TAKE() malloc(1000)
#define GIVE(p) free(p)
#endif

int main(void)
{
	char line[512];

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] == '/' && !dlopen(line, RTLD_NOW))
			return 1;
		for (long n = atol(line); n > 0; n--) {
			void *p = TAKE();

			__asm__ volatile("" : : "r"(p) : "memory");
			if (n % 2)
				GIVE(p);
		}
		puts("done");
		fflush(stdout);
	}
	return 0;
}
