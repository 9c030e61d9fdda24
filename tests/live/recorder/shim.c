/*
 * Every call of the malloc family, written down: preloaded into a program, it
 * logs to the file that SHIM_LOG names. Order as in any allocator's life: a
 * block is logged as taken after the allocator gave it out, and as gone before
 * it is given back. Children do not log. Built with NEXT, it stands before an
 * allocator that is preloaded behind it, else before the C library's.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

int shim_is_inside(void); /* for the workload */

enum { EVENTS = 8 << 20 };

struct event {
	uint64_t address; /* 0: not written yet */
	uint64_t size;    /* UINT64_MAX: gone */
};

struct log {
	_Atomic uint64_t n;
	_Atomic uint64_t pid;
	uint64_t reserved[6];
	struct event events[EVENTS];
};

#ifdef NEXT
static void *next(const char *name, void **known)
{
	if (!*known)
		*known = dlsym(RTLD_NEXT, name);
	return *known;
}

#define CALL(name, type, ...) ({					\
	static void *known_;						\
	((type)next(name, &known_))(__VA_ARGS__);			\
})

static void *real_malloc(size_t size)
{
	return CALL("malloc", void *(*)(size_t), size);
}

static void *real_calloc(size_t n, size_t size)
{
	return CALL("calloc", void *(*)(size_t, size_t), n, size);
}

static void *real_realloc(void *old, size_t size)
{
	return CALL("realloc", void *(*)(void *, size_t), old, size);
}

static void real_free(void *p)
{
	CALL("free", void (*)(void *), p);
}

static void *real_memalign(size_t alignment, size_t size)
{
	return CALL("memalign", void *(*)(size_t, size_t), alignment, size);
}

/* Not every allocator has these; then they would be the C library's. */
static void *real_valloc(size_t size)
{
	return real_memalign(4096, size);
}

static void *real_pvalloc(size_t size)
{
	return real_memalign(4096, size);
}
#else
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t), __libc_free(void *);
extern void *__libc_memalign(size_t, size_t), *__libc_valloc(size_t);
extern void *__libc_pvalloc(size_t);

#define real_malloc __libc_malloc
#define real_calloc __libc_calloc
#define real_realloc __libc_realloc
#define real_free __libc_free
#define real_memalign __libc_memalign
#define real_valloc __libc_valloc
#define real_pvalloc __libc_pvalloc
#endif

/* Set by a child's first breath: MADV_WIPEONFORK keeps it from logging. */
static struct log **here;
/* For handlers of signals: is this thread inside the allocator? */
static _Thread_local volatile int shim_inside __attribute__((tls_model("initial-exec")));

EXPORT int shim_is_inside(void)
{
	return shim_inside;
}

static __attribute__((constructor)) void begin(void)
{
	const char *path = getenv("SHIM_LOG");
	int fd = path ? open(path, O_RDWR) : -1;
	void *log;

	if (fd < 0 || ftruncate(fd, sizeof(struct log)) != 0)
		return;
	log = mmap(NULL, sizeof(struct log), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (log == MAP_FAILED)
		return;
	here = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	madvise(here, 4096, MADV_WIPEONFORK);
	((struct log *)log)->pid = (uint64_t)getpid();
	*here = log;
}

static void note(void *p, size_t size)
{
	struct log *log = here ? *here : NULL;
	uint64_t i;

	if (!log || !p)
		return;
	i = atomic_fetch_add(&log->n, 1);
	if (i < EVENTS)
		log->events[i] = (struct event){ (uint64_t)p, size };
}

#define INSIDE(expression) ({			\
	__typeof__(expression) got_;		\
	shim_inside++;				\
	got_ = (expression);			\
	shim_inside--;				\
	got_;					\
})

EXPORT void *malloc(size_t size)
{
	void *p = INSIDE(real_malloc(size));

	note(p, size);
	return p;
}

EXPORT void free(void *p)
{
	note(p, UINT64_MAX);
	shim_inside++;
	real_free(p);
	shim_inside--;
}

EXPORT void *calloc(size_t n, size_t size)
{
	void *p = INSIDE(real_calloc(n, size));

	note(p, n * size);
	return p;
}

EXPORT void *realloc(void *old, size_t size)
{
	void *p;

	note(old, UINT64_MAX);
	p = INSIDE(real_realloc(old, size));
	/* Never fails here but for realloc(p, 0), which frees. */
	note(p, size);
	return p;
}

EXPORT void *reallocarray(void *old, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(old, bytes);
}

static void *aligned(size_t alignment, size_t size)
{
	void *p = INSIDE(real_memalign(alignment, size));

	note(p, size);
	return p;
}

EXPORT void *memalign(size_t alignment, size_t size)
{
	return aligned(alignment, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
	return aligned(alignment, size);
}

EXPORT int posix_memalign(void **p, size_t alignment, size_t size)
{
	void *got = aligned(alignment, size);

	if (!got)
		return ENOMEM;
	*p = got;
	return 0;
}

EXPORT void *valloc(size_t size)
{
	void *p = INSIDE(real_valloc(size));

	note(p, size);
	return p;
}

EXPORT void *pvalloc(size_t size)
{
	void *p = INSIDE(real_pvalloc(size));

	note(p, size);
	return p;
}
