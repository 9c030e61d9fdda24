#include "py/layout_parts.h"

const struct py_layout py_layout_3_8 = {
	.minor = 8,
	.root = PY_ROOT_STATICS,
	.traces = PY_TRACES_INLINE,
	.filename = PY_FILENAME_STR,
	.lock = PY_LOCK_SEM,
	.table = PY_TABLE_3_7,
	.entry = PY_ENTRY_3_7,
	.traceback = PY_TRACEBACK_3_7,
	.frame = PY_FRAME_3_7,
	.max_nframe = PY_MAX_NFRAME_3_7,
	.gc_head = PY_GC_HEAD_3_8,
	.subinterpreters_hang = true,
	.str_has_wstr = true,
	.stack = &py_stack_3_8,
	.pool_size = 4096,
	.idle_memory_zero_since = PY_NEVER,
};
