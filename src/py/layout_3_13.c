#include "py/layout_parts.h"

const struct py_layout py_layout_3_13 = {
	.minor = 13,
	.root = PY_ROOT_PYRUNTIME,
	.traces = PY_TRACES_POINTER,
	.filename = PY_FILENAME_STR,
	.lock = PY_LOCK_SEM,
	.table = PY_TABLE_3_9,
	.entry = PY_ENTRY_3_9,
	.traceback = PY_TRACEBACK_3_9,
	.frame = PY_FRAME_3_7,
	.state = PY_STATE_3_12,
	.max_nframe = PY_MAX_NFRAME_3_9,
	.stack = &py_stack_3_13,
	.gc_head = PY_GC_HEAD_3_8,
	.preheader_flags = PY_PREHEADER_3_12,
	.pool_size = 16384,
	.idle_memory_zero_since = 2,
};
