/*
 * The CPython runtime in a process: which version and build; and, found by
 * itself, where its tracemalloc state is.
 */
#ifndef TM_PY_RUNTIME_H
#define TM_PY_RUNTIME_H

#include "image/image.h"
#include "mem/mem.h"
#include "py/layout.h"
#include "target/maps.h"
#include "tmattach/err.h"

/* Addresses of tracemalloc's variables; the tables are pointers to be read. */
struct py_roots {
	tm_addr initialized, tracing, max_nframe; /* int: 0/1/2, 0/1, n */
	tm_addr lock;        /* sem_t * (PY_LOCK_SEM) or the byte itself */
	tm_addr traced, peak;
	tm_addr filenames, tracebacks, traces;
	tm_addr domains;     /* 0 where the version has no such table */
};

/* Where the parts of a str object are in this build. */
struct py_str_layout {
	tm_addr type;        /* PyUnicode_Type */
	uint16_t ob_type, length, state;
	uint16_t ascii, compact, pointer; /* where the characters are */
	bool wide_interned;  /* see struct py_layout */
};

struct py_runtime {
	const struct py_layout *layout;
	uint32_t hexversion;     /* 0x030d05f0 */
	bool debug;
	bool free_threaded;
	char name[64];           /* "CPython 3.13.5 debug"; "" where none is */
	struct py_roots roots;
	struct py_str_layout str;
	struct tm_range code;    /* executable bytes, for plausibility checks */
	tm_addr hash_ptr, compare_direct; /* the functions of a traces table */
	tm_addr code_type;       /* PyCode_Type; 0 if it is not exported, */
	tm_addr function_type;   /* and so PyFunction_Type */
	tm_addr runtime;         /* _PyRuntime */
	uint64_t runtime_size;
	tm_addr image;           /* where the interpreter begins, */
	tm_addr tracemalloc;     /* and what has _tracemalloc; 0: nothing has */
};

/*
 * Find the interpreter in a process, whether it traces or can trace at all (pid
 * 0: only in memory, there are no files to compare with). TM_ERR_NO_RUNTIME:
 * there is none, nor another Python. TM_ERR_UNSUPPORTED says what was seen
 * instead: another Python, or a layout that contradicts what is known; `name`
 * is what it is called.
 */
bool py_runtime_find(struct tm_mem *mem, const struct tm_maps *maps, pid_t pid,
		     struct py_runtime *ret, struct tm_err *err) TM_MUST_CHECK;

/* One of its images as it is now: that at runtime->image, or runtime->tracemalloc. A
 * zeroed `ret` can be freed on failure, too. */
bool py_runtime_image(struct tm_mem *mem, const struct tm_maps *maps,
		      const struct py_runtime *runtime, tm_addr at, struct tm_image *ret,
		      struct tm_err *err) TM_MUST_CHECK;

/*
 * Find the state of its tracemalloc: `roots`, `code` and the functions of
 * tables, which all that follows needs. TM_ERR_UNSUPPORTED: it was built
 * without, or contradicts what is known.
 */
bool py_tracing_find(struct tm_mem *mem, const struct tm_maps *maps, pid_t pid,
		     struct py_runtime *runtime, struct tm_err *err) TM_MUST_CHECK;

enum py_state {
	PY_NOT_TRACING,
	PY_TRACING,
	PY_FINALIZED,
};

/* The scalars, read without stopping anything. */
struct py_status {
	enum py_state state;
	uint32_t max_nframe;
	uint64_t traced, peak; /* 0 when not tracing, as get_traced_memory() */
};

bool py_status_read(struct tm_mem *mem, const struct py_runtime *runtime,
		    struct py_status *ret, struct tm_err *err) TM_MUST_CHECK;

/* Is the lock that guards the tables free? */
bool py_lock_is_free(struct tm_mem *mem, const struct py_runtime *runtime,
		     bool *ret, struct tm_err *err) TM_MUST_CHECK;

/* tracemalloc.get_tracemalloc_memory(). */
bool py_tracer_memory(struct tm_mem *mem, const struct py_runtime *runtime,
		      bool tracing, uint64_t *ret, struct tm_err *err) TM_MUST_CHECK;

/* The header of a hash table, checked for plausibility. */
struct py_table {
	uint64_t nentries, nbuckets;
	tm_addr buckets;
	uint64_t key_size, data_size; /* 0 from 3.9 on */
	tm_addr hash_func, compare_func, key_destroy, value_destroy;
};

bool py_table_read(struct tm_mem *mem, const struct py_layout *layout,
		   tm_addr at, struct py_table *ret, struct tm_err *err) TM_MUST_CHECK;

#endif
