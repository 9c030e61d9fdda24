/*
 * How each CPython minor keeps tracemalloc's records: const data, one file per
 * version (layout_3_7.c ...), listed in layouts.def. Nothing else in the tree
 * tests for a version.
 *
 * Facts are from Modules/_tracemalloc.c, Modules/hashtable.h (3.7, 3.8),
 * Include/internal/pycore_hashtable.h (3.9+) and
 * Include/internal/pycore_tracemalloc.h (3.12+) of the named version, and were
 * compared with DWARF and with running interpreters.
 */
#ifndef TM_PY_LAYOUT_H
#define TM_PY_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "py/stack_layout.h"

enum py_root_kind {
	PY_ROOT_STATICS,    /* file-local variables of _tracemalloc.c */
	PY_ROOT_PYRUNTIME,  /* struct inside _PyRuntime */
};

/* How traces are kept in their table. */
enum py_traces_kind {
	PY_TRACES_INLINE,   /* trace_t stands in the entry; one table, and the
			       domain joins the key once one was used */
	PY_TRACES_POINTER,  /* entry value is a trace_t *; a table per domain */
};

enum py_filename_kind {
	PY_FILENAME_STR,    /* PyObject * to a str */
	PY_FILENAME_UTF8,   /* const char *, UTF-8 with surrogatepass */
};

enum py_lock_kind {
	PY_LOCK_SEM,        /* pointer to a sem_t: value 0 = held */
	PY_LOCK_MUTEX,      /* PyMutex byte in place: bit 0 = held */
};

/* Offsets of absent fields; patch releases that never came. */
#define PY_ABSENT 0xffff
#define PY_NEVER 0xff

/* _Py_hashtable_t. */
struct py_table_layout {
	uint16_t nentries, nbuckets, buckets;
	uint16_t key_size, data_size;           /* 3.7, 3.8 */
	uint16_t hash_func, compare_func;
	uint16_t key_destroy, value_destroy;    /* 3.9+ */
	uint16_t size;
};

/* _Py_hashtable_entry_t. */
struct py_entry_layout {
	uint16_t next, hash, key;
	uint16_t value;                         /* 3.9+ */
};

struct py_traceback_layout {
	uint16_t nframe, nframe_size;           /* size in bytes: 2 or 4 */
	uint16_t total_nframe;                  /* u16; absent in 3.7, 3.8 */
	uint16_t frames;
};

/* frame_t, packed. */
struct py_frame_layout {
	uint16_t size, filename, lineno;
};

/* struct _tracemalloc_runtime_state, from its start (PY_ROOT_PYRUNTIME). */
struct py_state_layout {
	uint16_t initialized, tracing, max_nframe, lock, traced, peak;
	uint16_t filenames, tracebacks, traces, domains;
};

struct py_layout {
	unsigned minor;                         /* of Python 3 */
	enum py_root_kind root;
	enum py_traces_kind traces;
	enum py_filename_kind filename;
	enum py_lock_kind lock;
	struct py_table_layout table;
	struct py_entry_layout entry;
	struct py_traceback_layout traceback;
	struct py_frame_layout frame;
	struct py_state_layout state;
	uint32_t max_nframe;                    /* what start() accepts */
	/* What stands in front of an object in its block: the garbage
	 * collector's header, and two words for types with these flags. */
	uint16_t gc_head;                       /* sizeof(PyGC_Head) */
	uint32_t preheader_flags;               /* of tp_flags */
	/* Tracing raw allocations hangs in a process with subinterpreters. */
	bool subinterpreters_hang;
	uint32_t pool_size;                     /* obmalloc.c: POOL_SIZE */
	bool str_has_wstr;                      /* PyASCIIObject.wstr: until 3.11 */
	bool str_wide_interned;                 /* 3.14+ free-threaded: a byte */
	/* The first patch release whose get_tracemalloc_memory() is 0 while
	 * not tracing (bpo gh-128679 moved the flag under the lock). */
	unsigned idle_memory_zero_since;
	const struct py_stack_layout *stack;    /* Python frames of threads */
};

/* NULL: this minor of Python 3 is not known. */
const struct py_layout *py_layout_find(unsigned minor);
/* "3.7 to 3.15": for messages. */
const char *py_layout_range(void);

#endif
