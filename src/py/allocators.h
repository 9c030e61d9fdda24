/*
 * The tables that CPython calls its allocators through: one a domain, of five
 * words {ctx, malloc, calloc, realloc, free}. They are variables of obmalloc.c
 * until 3.11, then neighbours in _PyRuntime (allocators.standard). All callers go
 * through them, and the exported functions do too, which is how they are found:
 * by the code of PyMem_RawMalloc() and its like.
 */
#ifndef TM_PY_ALLOCATORS_H
#define TM_PY_ALLOCATORS_H

#include "py/runtime.h"

enum py_domain { PY_DOMAIN_RAW, PY_DOMAIN_MEM, PY_DOMAIN_OBJ, PY_NDOMAINS };

enum py_alloc_function { PY_MALLOC, PY_CALLOC, PY_REALLOC, PY_FREE, PY_NFUNCTIONS };

/* One table: where it is, and what stands there. */
struct py_allocator {
	tm_addr at;
	tm_addr ctx;
	tm_addr functions[PY_NFUNCTIONS];
};

/* Who serves mem and obj, told by these words. */
enum py_allocators_kind {
	PY_ALLOCATORS_PYMALLOC,    /* both; what is larger than 512 bytes is raw's */
	PY_ALLOCATORS_MALLOC,      /* as raw: PYTHONMALLOC=malloc */
	PY_ALLOCATORS_MIMALLOC,    /* a heap each: free-threaded builds */
	PY_ALLOCATORS_DEBUG,       /* CPython's debug hooks, with one of these below */
	PY_ALLOCATORS_TRACEMALLOC, /* with any of these below */
	PY_ALLOCATORS_OTHERS,      /* what is none of these */
};

struct py_allocators {
	struct py_allocator domains[PY_NDOMAINS];
	enum py_allocators_kind kind;
	/* OTHERS: the image that their functions are in; NULL if it is CPython's
	 * own, or none. Borrowed from the maps. */
	const char *others;
};

/*
 * Find the tables and read them, in a process that runs or stands still; `runtime`
 * need not know about tracemalloc. TM_ERR_UNSUPPORTED where the code does not tell
 * of exactly one table for each domain, or they hold what no table can.
 */
bool py_allocators_find(struct tm_mem *mem, const struct tm_maps *maps,
			const struct py_runtime *runtime,
			struct py_allocators *ret, struct tm_err *err) TM_MUST_CHECK;

/*
 * Where tracemalloc keeps the table that it has replaced, whose address is its
 * context: `allocators` in struct _tracemalloc_runtime_state (pycore_tracemalloc.h,
 * 3.12 to 3.15). 0 before 3.12, where it is a static variable.
 */
tm_addr py_allocators_replaced(const struct py_runtime *runtime, enum py_domain domain);

/* "pymalloc", "the debug hooks of CPython": for messages. */
const char *py_allocators_name(enum py_allocators_kind kind);

#endif
