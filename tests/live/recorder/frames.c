/*
 * What libunwind says about the caller of every malloc, calloc and realloc:
 * preloaded into a program, it keeps for each address the last stack, in a
 * file that FRAMES_LOG names. It stops the program (SIGSTOP) before main and
 * at the end, for the recorder to be brought in and read.
 */
#define _GNU_SOURCE
#define UNW_LOCAL_ONLY
#include <fcntl.h>
#include <libunwind.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { RECORDS = 1 << 22, DEPTH = 40 };

struct record {
	uint64_t address;
	uint64_t n;
	void *pcs[DEPTH + 2];
};

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static struct record *records;
static _Thread_local int inside __attribute__((tls_model("initial-exec")));

static void note(void *p)
{
	uint64_t i = (uint64_t)p * 0x9e3779b97f4a7c15u >> 42;

	if (!records || !p || inside)
		return;
	inside = 1;
	while (records[i].address && records[i].address != (uint64_t)p)
		i = (i + 1) % RECORDS;
	records[i].address = (uint64_t)p;
	records[i].n = (uint64_t)unw_backtrace(records[i].pcs, DEPTH + 2);
	inside = 0;
}

static __attribute__((constructor)) void begin(void)
{
	const char *path = getenv("FRAMES_LOG");
	int fd = path ? open(path, O_RDWR) : -1;
	void *map, *warm[4];

	if (fd < 0)
		return;
	unw_backtrace(warm, 4);
	if (ftruncate(fd, RECORDS * sizeof(struct record)) != 0)
		_exit(9);
	map = mmap(NULL, RECORDS * sizeof(struct record), PROT_READ | PROT_WRITE,
		   MAP_SHARED, fd, 0);
	close(fd);
	raise(SIGSTOP);
	if (map != MAP_FAILED)
		records = map;
}

static __attribute__((destructor)) void end(void)
{
	if (records)
		raise(SIGSTOP);
}

EXPORT void *malloc(size_t size)
{
	void *p = __libc_malloc(size);

	note(p);
	return p;
}

EXPORT void *calloc(size_t n, size_t size)
{
	void *p = __libc_calloc(n, size);

	note(p);
	return p;
}

EXPORT void *realloc(void *old, size_t size)
{
	void *p = __libc_realloc(old, size);

	note(p);
	return p;
}

/* Every block stays, so that every stack can be compared at the end. */
static void *volatile given_back;

EXPORT void free(void *p)
{
	given_back = p;
}
