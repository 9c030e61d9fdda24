/*
 * Programs of C++ and their operator new.
 *
 *	OPERATORS_OWN     one of their own, over pages; nothing throws
 *	OPERATORS_SHORT   with it: a delete that has no room for a jump
 *	OPERATORS_THROWS  the same, which may throw, and a function that can be named
 *	(neither)         the library's, with its variant that does not throw, which is made of it
 *
 * Says "ready"; each line on standard input is so many blocks of 1000 bytes, of which every
 * other one is given back; then one is asked for that there cannot be, and that is caught.
 */
#include <cstdio>
#include <cstdlib>
#include <new>
#include <sys/mman.h>

#if defined(OPERATORS_OWN) || defined(OPERATORS_THROWS)
static char *at, *end;

static inline void *bump(std::size_t size)
{
	const std::size_t chunk = 8 << 20;

#ifdef OPERATORS_THROWS
	if (size > chunk)
		throw std::bad_alloc();
#endif
	size = (size + 15) / 16 * 16;
	if (!at || size > (std::size_t)(end - at)) {
		at = (char *)mmap(NULL, chunk, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		end = at + chunk;
	}
	at += size;
	return at - size;
}

void *operator new(std::size_t size) { return bump(size); }
void operator delete(void *p) noexcept { *(volatile long *)p = 0x12345678; }
void operator delete(void *p, std::size_t) noexcept
{
#ifdef OPERATORS_SHORT
	/* No room for a jump. */
	__asm__ volatile("movb $1, (%0); ret; .balign 1; inc %%eax; inc %%eax" : : "r"(p));
#else
	*(volatile long *)p = 0x12345678;
#endif
}
#endif

#ifdef OPERATORS_THROWS
extern "C" __attribute__((noinline, used)) void *pool_take(std::size_t size)
{
	return bump(size);
}
#endif

/* Has it thrown? */
static __attribute__((noinline)) bool is_refused()
{
#ifndef OPERATORS_OWN
	try {
		char *volatile p = new char[(std::size_t)1 << 60];

		delete[] p;
	} catch (const std::bad_alloc &) {
		return true;
	}
	return false;
#else
	return true;
#endif
}

static __attribute__((noinline)) void take(long n)
{
	for (; n > 0; n--) {
#ifdef OPERATORS_OWN
		char *volatile p = new char[1000];
#elif defined(OPERATORS_THROWS)
		char *volatile p = (char *)malloc(1000);
#else
		char *volatile p = n % 4 < 2 ? new char[1000] : new (std::nothrow) char[1000];
#endif

		if (n % 2)
#ifdef OPERATORS_THROWS
			free(p);
#else
			delete[] p;
#endif
	}
}

int main()
{
	char line[64];

	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		take(atol(line));
		puts(is_refused() ? "done" : "wrong");
		fflush(stdout);
	}
	return 0;
}
