/*
 * How each CPython minor keeps tracemalloc's records: const data, one file per
 * version (layout_3_7.c ...), listed in layouts.def. Nothing else in the tree
 * tests for a version. A version gives every member, and is not compiled
 * otherwise (layout_parts.h).
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

#include "py/object_layout.h"
#include "py/stack_layout.h"

enum py_root_kind {
	PY_ROOT_STATICS,    /* file-local variables of _tracemalloc.c */
	PY_ROOT_PYRUNTIME,  /* struct inside _PyRuntime */
};

/* How traces are kept in their table. */
enum py_traces_kind {
	PY_TRACES_INLINE,   /* trace_t is in the entry; one table, and the
			       domain joins the key once one was used */
	PY_TRACES_POINTER,  /* entry value is a trace_t *; a table per domain */
};

enum py_filename_kind {
	PY_FILENAME_STR,    /* PyObject * to a str */
	PY_FILENAME_UTF8,   /* const char *, UTF-8 with surrogatepass */
	PY_FILENAME_TOLD,   /* one or the other, by patch release: the memory
			       shows (py_filename_kind) */
};

enum py_lock_kind {
	PY_LOCK_SEM,        /* pointer to a sem_t: value 0 = held */
	PY_LOCK_MUTEX,      /* PyMutex byte in place: bit 0 = held */
};

/*
 * What tracing does with other interpreters (tried in each version with
 * those that share the main one's allocator, and those that have their own).
 */
enum py_company {
	PY_COMPANY_FINE,
	/* Tracing raw allocations waits for the GIL that its thread has. */
	PY_COMPANY_HANGS,
	/* File names in the tables belong to the interpreter that made them; one
	 * with an allocator of its own has them freed by another one's. stop()
	 * and clear_traces() crash the process, while such an interpreter
	 * lives and when it has ended. */
	PY_COMPANY_DIES,
	/* The same, but only when it has ended. */
	PY_COMPANY_DIES_LATER,
	/* The same, and when the next one is created after one has ended. */
	PY_COMPANY_DIES_ANEW,
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

/*
 * PyDictObject after its header, and PyDictKeysObject from its start
 * (Objects/dict-common.h until 3.10, Include/internal/pycore_dict.h): the index
 * of slots is between the keys' fields and their entries.
 */
struct py_dict_layout {
	uint16_t keys, values;                  /* ma_keys, ma_values */
	uint16_t values_at;                     /* in what ma_values points to */
	uint16_t keys_size;                     /* dk_size, u64; or dk_log2_size, u8 */
	uint16_t keys_log2_index_bytes;         /* absent: given by dk_size */
	uint16_t keys_kind;                     /* absent: each entry has a hash */
	uint16_t keys_nentries, keys_indices;
};

/* PyListObject and PyTupleObject after their header, ob_size. */
struct py_sequence_layout {
	uint16_t list_items;                    /* ob_item: a pointer to them */
	uint16_t tuple_items;                   /* the first of them */
};

/*
 * struct _gc_runtime_state, which has the heads of the collector's lists: in
 * _PyRuntimeState until 3.8, then in each PyInterpreterState. From 3.13 on `state`
 * and `collecting` are positions in struct _Py_DebugOffsets.
 */
struct py_collector_layout {
	bool in_runtime;
	uint16_t state, state_size;
	uint16_t collecting;                    /* in that struct */
};

/* Where functions have their qualified names, before code objects have them: until
 * 3.10 (DWARF of 3.7.16, 3.8.18, 3.9.18, 3.10.13); 0 from 3.11 on. */
struct py_names_layout {
	uint16_t code_consts;                   /* PyCodeObject.co_consts */
	uint16_t func_code, func_qualname;      /* PyFunctionObject */
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
	/* What precedes an object in its block: the garbage
	 * collector's header, and two words for types with these flags. */
	uint16_t gc_head;                       /* sizeof(PyGC_Head) */
	uint32_t preheader_flags;               /* of tp_flags */
	enum py_company company;
	/* The first patch release whose clear_traces(), under the lock of its
	 * tables, frees a file name that nothing else holds any more, which
	 * takes the lock again (not in free-threaded builds). */
	unsigned clear_deadlocks_since;
	uint32_t pool_size;                     /* obmalloc.c: POOL_SIZE */
	bool own_obmalloc;                      /* interpreters may have arenas of their own */
	bool mimalloc_known;                    /* free-threaded: heap/mimalloc.h reads its pages */
	struct py_dict_layout dict;
	struct py_sequence_layout sequence;
	bool str_has_wstr;                      /* PyASCIIObject.wstr: until 3.11 */
	bool str_wide_interned;                 /* 3.14+ free-threaded: a byte */
	/* The first patch release whose get_tracemalloc_memory() is 0 while
	 * not tracing (bpo gh-128679 moved the flag under the lock). */
	unsigned idle_memory_zero_since;
	struct py_stack_layout stack;           /* Python frames of threads */
	struct py_collector_layout collector;
	struct py_object_layout objects;
	struct py_names_layout names;
};

/* NULL: this minor of Python 3 is not known. */
const struct py_layout *py_layout_find(unsigned minor);
/* "3.7 to 3.15": for messages. */
const char *py_layout_range(void);

#endif
