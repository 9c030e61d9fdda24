/* Allocators on top of CPython's, as an extension may install them. */
#include <stddef.h>
#include <unistd.h>

struct allocator {
	void *ctx;
	void *(*malloc)(void *ctx, size_t size);
	void *(*calloc)(void *ctx, size_t n, size_t size);
	void *(*realloc)(void *ctx, void *block, size_t size);
	void (*free)(void *ctx, void *block);
};

void PyMem_GetAllocator(int domain, struct allocator *ret) __attribute__((weak));
void PyMem_SetAllocator(int domain, struct allocator *allocator) __attribute__((weak));
void install(void);
void wait_at(size_t size);

static struct allocator below;
static size_t waits_at;

/* The next block of this size is never given out: its thread waits. */
void wait_at(size_t size)
{
	waits_at = size;
}

static void *others_malloc(void *ctx, size_t size)
{
	(void)ctx;
	while (size == waits_at)
		pause();
	return below.malloc(below.ctx, size);
}

static void *others_calloc(void *ctx, size_t n, size_t size)
{
	(void)ctx;
	return below.calloc(below.ctx, n, size);
}

static void *others_realloc(void *ctx, void *block, size_t size)
{
	(void)ctx;
	return below.realloc(below.ctx, block, size);
}

static void others_free(void *ctx, void *block)
{
	(void)ctx;
	below.free(below.ctx, block);
}

void install(void)
{
	enum { OBJ = 2 };
	struct allocator ours = {
		NULL, others_malloc, others_calloc, others_realloc, others_free,
	};

	PyMem_GetAllocator(OBJ, &below);
	PyMem_SetAllocator(OBJ, &ours);
}
