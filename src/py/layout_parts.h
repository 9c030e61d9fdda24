/*
 * How a layout is written down, and the parts that several versions share. A
 * version that differs writes its own instead.
 *
 * A layout and each of its parts is a macro with one argument for each member,
 * a designated initialiser: a layout that leaves one out, or gives one twice,
 * is not compiled. A new member is a new parameter here
 * (tests/check-layouts compares them).
 */
#ifndef TM_PY_LAYOUT_PARTS_H
#define TM_PY_LAYOUT_PARTS_H

#include "py/layout.h"

#pragma GCC diagnostic error "-Woverride-init"

#define PY_LAYOUT_DEFINE(version, minor, root, traces, filename, lock, table,  \
			 entry, traceback, frame, state, max_nframe, gc_head,  \
			 preheader_flags, company, clear_deadlocks_since,      \
			 pool_size, own_obmalloc, mimalloc_known, dict,        \
			 sequence, str_has_wstr,                               \
			 str_wide_interned, idle_memory_zero_since, stack,     \
			 collector, objects, names)                            \
	extern const struct py_layout py_layout_##version;                     \
	const struct py_layout py_layout_##version = {                         \
		minor, root, traces, filename, lock, table, entry, traceback,  \
		frame, state, max_nframe, gc_head, preheader_flags, company,   \
		clear_deadlocks_since, pool_size, own_obmalloc,                \
		mimalloc_known, dict, sequence, str_has_wstr, str_wide_interned,                     \
		idle_memory_zero_since, stack, collector, objects, names       \
	}
#define PY_TABLE(nentries, nbuckets, buckets, key_size, data_size, hash_func,  \
		 compare_func, key_destroy, value_destroy, size)               \
	{ nentries, nbuckets, buckets, key_size, data_size, hash_func,         \
	  compare_func, key_destroy, value_destroy, size }
#define PY_ENTRY(next, hash, key, value) { next, hash, key, value }
#define PY_TRACEBACK(nframe, nframe_size, total_nframe, frames)                \
	{ nframe, nframe_size, total_nframe, frames }
#define PY_FRAME(size, filename, lineno) { size, filename, lineno }
#define PY_STATE(initialized, tracing, max_nframe, lock, traced, peak,         \
		 filenames, tracebacks, traces, domains)                       \
	{ initialized, tracing, max_nframe, lock, traced, peak, filenames,     \
	  tracebacks, traces, domains }
#define PY_DICT(keys, values, values_at, keys_size, keys_log2_index_bytes,     \
		keys_kind, keys_nentries, keys_indices)                        \
	{ keys, values, values_at, keys_size, keys_log2_index_bytes,           \
	  keys_kind, keys_nentries, keys_indices }
#define PY_SEQUENCE(list_items, tuple_items) { list_items, tuple_items }
#define PY_STACK(kind, lines, fields, code_traceable, foreign_owner,          \
		 id_is_runner, debugger, waiting)                              \
	{ kind, lines, fields, code_traceable, foreign_owner, id_is_runner,    \
	  debugger, waiting }
#define PY_WAITING(gen, gen_frame, state, stack_top, stack_base, code_bytes,   \
		   created, suspended, executing, delegating, above_awaited,   \
		   frame_inner)                                                \
	{ gen, gen_frame, state, stack_top, stack_base, code_bytes, created,   \
	  suspended, executing, delegating, above_awaited, frame_inner }
#define PY_COLLECTOR(in_runtime, state, state_size, collecting)                \
	{ in_runtime, state, state_size, collecting }
#define PY_OBJECTS(refs, values, preheader_flags, types_counted, str_size,     \
		   sysdict, builtins, type_size, ht_qualname, ht_cached_keys,  \
		   frame_locals, frame_func, frame_f_locals, frame_object,     \
		   code_names, code_bytes, code_extra, code_cached,            \
		   code_linearray,                                             \
		   md_state)                                                   \
	{ refs, values, preheader_flags, types_counted, str_size, sysdict,     \
	  builtins, type_size, ht_qualname, ht_cached_keys, frame_locals,      \
	  frame_func, frame_f_locals, frame_object, code_names, code_bytes,    \
	  code_extra, code_cached, code_linearray, md_state }
#define PY_NAMES(code_consts, func_code, func_qualname)                        \
	{ code_consts, func_code, func_qualname }
#define PY_NAMES_3_11 /* co_qualname */                                        \
	PY_NAMES(.code_consts = 0, .func_code = 0, .func_qualname = 0)
/* By a second macro, so that the members of shared parts count. */
#define PY_STACK_FIELDS(...) PY_STACK_FIELDS_ONE_BY_ONE(__VA_ARGS__)
#define PY_STACK_FIELDS_ONE_BY_ONE(                                            \
	interpreters, interp_next, threads, interp_modules,                    \
	thread_next, thread_interp,                                            \
	thread_id, thread_frame, thread_cframe, cframe_frame, cframe_previous, \
	frame_previous, frame_code, frame_instr, frame_owner, frame_tlbc,      \
	code_filename, code_name, code_qualname, code_firstlineno, code_lines, \
	code_instrs, code_tlbc, object_type, bytes_size, bytes_data)                        \
	{ interpreters, interp_next, threads, interp_modules,                  \
	  thread_next, thread_interp,                                          \
	  thread_id, thread_frame, thread_cframe, cframe_frame,                \
	  cframe_previous, frame_previous, frame_code, frame_instr,            \
	  frame_owner, frame_tlbc, code_filename, code_name, code_qualname,    \
	  code_firstlineno, code_lines, code_instrs, code_tlbc, object_type,   \
	  bytes_size, bytes_data }

/* ---- the tables ------------------------------------------------------------ */

/* Modules/hashtable.h, 3.7 and 3.8: counts before 3.9 are the other way
 * round, and keys and data are stored by size. */
#define PY_TABLE_3_7 PY_TABLE(                                         \
	.nbuckets = 0, .nentries = 8, .buckets = 16,                   \
	.key_size = 24, .data_size = 32, .hash_func = 40,              \
	.compare_func = 48, .key_destroy = PY_ABSENT,                  \
	.value_destroy = PY_ABSENT, .size = 72)
#define PY_ENTRY_3_7 PY_ENTRY(.next = 0, .hash = 8, .key = 16, .value = PY_ABSENT)

/* pycore_hashtable.h, 3.9 to 3.15. */
#define PY_TABLE_3_9 PY_TABLE(                                         \
	.nentries = 0, .nbuckets = 8, .buckets = 16,                   \
	.key_size = PY_ABSENT, .data_size = PY_ABSENT,                 \
	.hash_func = 32, .compare_func = 40, .key_destroy = 48,        \
	.value_destroy = 56, .size = 80)
#define PY_ENTRY_3_9 PY_ENTRY(.next = 0, .hash = 8, .key = 16, .value = 24)

/* traceback_t: int nframe until 3.8, then two uint16_t. */
#define PY_TRACEBACK_3_7 PY_TRACEBACK(                                 \
	.nframe = 8, .nframe_size = 4, .total_nframe = PY_ABSENT,      \
	.frames = 12)
#define PY_TRACEBACK_3_9 PY_TRACEBACK(                                 \
	.nframe = 8, .nframe_size = 2, .total_nframe = 10, .frames = 12)
#define PY_FRAME_3_7 PY_FRAME(.size = 12, .filename = 0, .lineno = 8)

/* Until 3.11 it is in variables of its own. */
#define PY_STATE_NONE { 0 }
/* pycore_tracemalloc.h, 3.12 on: 3.15 differs only after `domains`. */
#define PY_STATE_3_12 PY_STATE(                                        \
	.initialized = 0, .tracing = 4, .max_nframe = 8, .lock = 136,  \
	.traced = 144, .peak = 152, .filenames = 160,                  \
	.tracebacks = 176, .traces = 184, .domains = 192)

/* _tracemalloc.c: MAX_NFRAME, from INT_MAX until 3.8, then UINT16_MAX. */
#define PY_MAX_NFRAME_3_7 178956969
#define PY_MAX_NFRAME_3_9 65535

/* ---- objects ----------------------------------------------------------------- */

/* Objects/dict-common.h, 3.7 to 3.10. */
#define PY_DICT_3_7 PY_DICT(                                   \
	.keys = 16, .values = 24, .values_at = 0, .keys_size = 8,      \
	.keys_log2_index_bytes = PY_ABSENT, .keys_kind = PY_ABSENT,    \
	.keys_nentries = 32, .keys_indices = 40)
/* pycore_dict.h, 3.11 and 3.12. */
#define PY_DICT_3_11 PY_DICT(                                  \
	.keys = 16, .values = 24, .values_at = 0, .keys_size = 8,      \
	.keys_log2_index_bytes = 9, .keys_kind = 10,                   \
	.keys_nentries = 24, .keys_indices = 32)
/* pycore_dict.h, 3.13 on: struct _dictvalues begins with its capacity, and is
 * { u8 capacity, size, embedded, valid; PyObject *values[] }. */
#define PY_DICT_3_13 PY_DICT(                                  \
	.keys = 16, .values = 24, .values_at = 8, .keys_size = 8,      \
	.keys_log2_index_bytes = 9, .keys_kind = 10,                   \
	.keys_nentries = 24, .keys_indices = 32)

/* listobject.h, tupleobject.h; ob_hash precedes the items since 3.14. */
#define PY_SEQUENCE_3_7 PY_SEQUENCE(.list_items = 8, .tuple_items = 8)
#define PY_SEQUENCE_3_14 PY_SEQUENCE(.list_items = 8, .tuple_items = 16)

/* objimpl.h: a union with a long double until 3.7; two words since 3.8. */
#define PY_GC_HEAD_3_7 32
#define PY_GC_HEAD_3_8 16

/* object.h: Py_TPFLAGS_MANAGED_DICT and MANAGED_WEAKREF. */
#define PY_PREHEADER_3_12 (1u << 4 | 1u << 3)

/* ---- stacks: PyThreadState until 3.10, PyFrameObject, PyCodeObject, PyBytesObject */

#define PY_STACK_THREAD_3_7                                            \
	.interp_next = 0, .threads = 8, .thread_next = 8,              \
	.thread_interp = 16, .thread_id = 176, .thread_frame = 24,     \
	.cframe_frame = PY_ABSENT
#define PY_STACK_FRAME_3_7(lasti)                                      \
	.frame_previous = 24, .frame_code = 32, .frame_instr = (lasti), \
	.frame_owner = PY_ABSENT, .frame_tlbc = PY_ABSENT
#define PY_STACK_CODE_3_8                                              \
	.code_filename = 104, .code_name = 112, .code_qualname = PY_ABSENT, \
	.code_firstlineno = 40, .code_lines = 120,                     \
	.code_instrs = PY_ABSENT, .code_tlbc = PY_ABSENT
#define PY_STACK_OBJECT_3_7 .object_type = 8, .bytes_size = 16, .bytes_data = 32

#endif
