/*
 * Initialisers for the parts of a layout that several versions share. A
 * version that differs writes its own instead.
 */
#ifndef TM_PY_LAYOUT_PARTS_H
#define TM_PY_LAYOUT_PARTS_H

#include "py/layout.h"

/* Modules/hashtable.h, 3.7 and 3.8: counts before 3.9 are the other way
 * round, and keys and data are stored by size. */
#define PY_TABLE_3_7 {                                                 \
	.nbuckets = 0, .nentries = 8, .buckets = 16,                   \
	.key_size = 24, .data_size = 32, .hash_func = 40,              \
	.compare_func = 48, .key_destroy = PY_ABSENT,                  \
	.value_destroy = PY_ABSENT, .size = 72,                        \
}
#define PY_ENTRY_3_7 { .next = 0, .hash = 8, .key = 16, .value = PY_ABSENT }

/* pycore_hashtable.h, 3.9 to 3.15. */
#define PY_TABLE_3_9 {                                                 \
	.nentries = 0, .nbuckets = 8, .buckets = 16,                   \
	.key_size = PY_ABSENT, .data_size = PY_ABSENT,                 \
	.hash_func = 32, .compare_func = 40, .key_destroy = 48,        \
	.value_destroy = 56, .size = 80,                               \
}
#define PY_ENTRY_3_9 { .next = 0, .hash = 8, .key = 16, .value = 24 }

/* traceback_t: int nframe until 3.8, then two uint16_t. */
#define PY_TRACEBACK_3_7 {                                             \
	.nframe = 8, .nframe_size = 4, .total_nframe = PY_ABSENT,      \
	.frames = 12,                                                  \
}
#define PY_TRACEBACK_3_9 {                                             \
	.nframe = 8, .nframe_size = 2, .total_nframe = 10, .frames = 12, \
}
#define PY_FRAME_3_7 { .size = 12, .filename = 0, .lineno = 8 }

/* pycore_tracemalloc.h, 3.12 on: 3.15 differs only behind `domains`. */
#define PY_STATE_3_12 {                                                \
	.initialized = 0, .tracing = 4, .max_nframe = 8, .lock = 136,  \
	.traced = 144, .peak = 152, .filenames = 160,                  \
	.tracebacks = 176, .traces = 184, .domains = 192,              \
}

/* objimpl.h: a union with a long double until 3.7; two words since 3.8. */
#define PY_GC_HEAD_3_7 32
#define PY_GC_HEAD_3_8 16

/* object.h: Py_TPFLAGS_MANAGED_DICT and MANAGED_WEAKREF. */
#define PY_PREHEADER_3_12 (1u << 4 | 1u << 3)

/* _tracemalloc.c: MAX_NFRAME, from INT_MAX until 3.8, then UINT16_MAX. */
#define PY_MAX_NFRAME_3_7 178956969
#define PY_MAX_NFRAME_3_9 65535

#endif
