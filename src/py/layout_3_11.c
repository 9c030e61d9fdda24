#include "py/layout_parts.h"

const struct py_layout py_layout_3_11 = {
	.minor = 11,
	.root = PY_ROOT_STATICS,
	.traces = PY_TRACES_POINTER,
	.filename = PY_FILENAME_STR,
	.lock = PY_LOCK_SEM,
	.table = PY_TABLE_3_9,
	.entry = PY_ENTRY_3_9,
	.traceback = PY_TRACEBACK_3_9,
	.frame = PY_FRAME_3_7,
	.max_nframe = PY_MAX_NFRAME_3_9,
	.gc_head = PY_GC_HEAD_3_8,
	/* Managed dicts stand before the object here, too, but
	 * get_object_traceback() does not know: what it finds is what counts. */
	.subinterpreters_hang = true,
	.str_has_wstr = true,
	.stack = &py_stack_3_11,
	.pool_size = 16384,
	.idle_memory_zero_since = PY_NEVER,
};
