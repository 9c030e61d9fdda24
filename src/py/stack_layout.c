#include "py/stack_layout.h"

#include "py/layout.h"

/* PyThreadState until 3.10, PyFrameObject, PyBytesObject. */
#define THREAD_3_7                                                      \
	.interp_next = 0, .threads = 8, .thread_next = 8,               \
	.thread_interp = 16, .thread_id = 176, .thread_frame = 24,      \
	.cframe_frame = PY_ABSENT
#define FRAME_3_7(lasti)                                                \
	.frame_previous = 24, .frame_code = 32, .frame_instr = (lasti), \
	.frame_owner = PY_ABSENT, .frame_tlbc = PY_ABSENT
#define CODE_3_8                                                        \
	.code_filename = 104, .code_name = 112, .code_qualname = PY_ABSENT, \
	.code_firstlineno = 40, .code_lines = 120,                      \
	.code_instrs = PY_ABSENT, .code_tlbc = PY_ABSENT
#define OBJECT_3_7 .object_type = 8, .bytes_size = 16, .bytes_data = 32

const struct py_stack_layout py_stack_3_7 = {
	.kind = PY_STACK_FIXED,
	.lines = PY_LINES_LNOTAB,
	.fields = {
		.interpreters = 24, THREAD_3_7, FRAME_3_7(104), OBJECT_3_7,
		.code_filename = 96, .code_name = 104,
		.code_qualname = PY_ABSENT, .code_firstlineno = 36,
		.code_lines = 112, .code_instrs = PY_ABSENT,
		.code_tlbc = PY_ABSENT,
	},
};

const struct py_stack_layout py_stack_3_8 = {
	.kind = PY_STACK_FIXED,
	.lines = PY_LINES_LNOTAB,
	.fields = {
		.interpreters = 32, THREAD_3_7, FRAME_3_7(104), CODE_3_8,
		OBJECT_3_7,
	},
};

const struct py_stack_layout py_stack_3_9 = {
	.kind = PY_STACK_FIXED,
	.lines = PY_LINES_LNOTAB,
	.fields = {
		.interpreters = 32, THREAD_3_7, FRAME_3_7(104), CODE_3_8,
		OBJECT_3_7,
	},
};

const struct py_stack_layout py_stack_3_10 = {
	.kind = PY_STACK_FIXED,
	.lines = PY_LINES_RANGES,
	.fields = {
		.interpreters = 32, THREAD_3_7, FRAME_3_7(96), CODE_3_8,
		OBJECT_3_7,
	},
};

const struct py_stack_layout py_stack_3_11 = {
	.kind = PY_STACK_FIXED,
	.lines = PY_LINES_LOCATIONS,
	.fields = {
		.interpreters = 40, .interp_next = 0, .threads = 16,
		.thread_next = 8, .thread_interp = 16, .thread_id = 152,
		.thread_frame = 56, .cframe_frame = 8,
		.frame_previous = 48, .frame_code = 32, .frame_instr = 56,
		.frame_owner = 69, .frame_tlbc = PY_ABSENT,
		.code_filename = 112, .code_name = 120, .code_qualname = 128,
		.code_firstlineno = 72, .code_lines = 136,
		.code_instrs = 184, .code_tlbc = PY_ABSENT,
		OBJECT_3_7,
	},
};

const struct py_stack_layout py_stack_3_12 = {
	.kind = PY_STACK_FIXED,
	.lines = PY_LINES_LOCATIONS,
	.fields = {
		.interpreters = 40, .interp_next = 0, .threads = 72,
		.thread_next = 8, .thread_interp = 16, .thread_id = 136,
		.thread_frame = 56, .cframe_frame = 0,
		.frame_previous = 8, .frame_code = 0, .frame_instr = 56,
		.frame_owner = 70, .frame_tlbc = PY_ABSENT,
		.code_filename = 112, .code_name = 120, .code_qualname = 128,
		.code_firstlineno = 68, .code_lines = 136,
		.code_instrs = 192, .code_tlbc = PY_ABSENT,
		OBJECT_3_7,
	},
	.foreign_owner = 3,
};

/* From here on: positions in struct _Py_DebugOffsets. */

const struct py_stack_layout py_stack_3_13 = {
	.kind = PY_STACK_DEBUG_OFFSETS,
	.lines = PY_LINES_LOCATIONS,
	.fields = {
		.interpreters = 40, .interp_next = 64, .threads = 72,
		.thread_next = 168, .thread_interp = 176, .thread_id = 192,
		.thread_frame = 184, .cframe_frame = PY_ABSENT,
		.frame_previous = 232, .frame_code = 240, .frame_instr = 248,
		.frame_owner = 264, .frame_tlbc = PY_ABSENT,
		.code_filename = 280, .code_name = 288, .code_qualname = 296,
		.code_firstlineno = 312, .code_lines = 304,
		.code_instrs = 344, .code_tlbc = PY_ABSENT,
		.object_type = 360, .bytes_size = 520, .bytes_data = 528,
	},
	.foreign_owner = 3,
};

const struct py_stack_layout py_stack_3_14 = {
	.kind = PY_STACK_DEBUG_OFFSETS,
	.lines = PY_LINES_LOCATIONS,
	.fields = {
		.interpreters = 40, .interp_next = 64, .threads = 72,
		.thread_next = 192, .thread_interp = 200, .thread_id = 216,
		.thread_frame = 208, .cframe_frame = PY_ABSENT,
		.frame_previous = 256, .frame_code = 264, .frame_instr = 272,
		.frame_owner = 288, .frame_tlbc = 304,
		.code_filename = 320, .code_name = 328, .code_qualname = 336,
		.code_firstlineno = 352, .code_lines = 344,
		.code_instrs = 384, .code_tlbc = 392,
		.object_type = 408, .bytes_size = 600, .bytes_data = 608,
	},
	.foreign_owner = 3,
	.debugger = 712,
};

const struct py_stack_layout py_stack_3_15 = {
	.kind = PY_STACK_DEBUG_OFFSETS,
	.lines = PY_LINES_LOCATIONS,
	.fields = {
		.interpreters = 40, .interp_next = 64, .threads = 72,
		.thread_next = 192, .thread_interp = 200, .thread_id = 240,
		.thread_frame = 208, .cframe_frame = PY_ABSENT,
		.frame_previous = 320, .frame_code = 328, .frame_instr = 336,
		.frame_owner = 352, .frame_tlbc = 368,
		.code_filename = 384, .code_name = 392, .code_qualname = 400,
		.code_firstlineno = 416, .code_lines = 408,
		.code_instrs = 448, .code_tlbc = 456,
		.object_type = 472, .bytes_size = 696, .bytes_data = 704,
	},
	.foreign_owner = 3,
	.debugger = 840,
};
