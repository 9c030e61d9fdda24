/*
 * Where the Python frames of a thread are, per version.
 *
 * Up to 3.12 the offsets are fixed: read from the DWARF of 3.7.16, 3.8.18,
 * 3.9.18, 3.10.13, 3.11.2 and 3.11.7, 3.12.1 (x86-64, without Py_TRACE_REFS).
 * From 3.13 on the process describes itself: _PyRuntime starts with a
 * struct _Py_DebugOffsets (Include/internal/pycore_runtime.h, from 3.14
 * pycore_debug_offsets.h), and the table holds where in that struct each
 * offset is found.
 */
#ifndef TM_PY_STACK_LAYOUT_H
#define TM_PY_STACK_LAYOUT_H

#include <stdint.h>

enum py_stack_kind {
	PY_STACK_FIXED,
	PY_STACK_DEBUG_OFFSETS,
};

/* How an instruction is turned into a line. */
enum py_lines_kind {
	PY_LINES_LNOTAB,     /* co_lnotab; f_lasti counts bytes: until 3.9 */
	PY_LINES_RANGES,     /* co_linetable of PEP 626; f_lasti counts words: 3.10 */
	PY_LINES_LOCATIONS,  /* co_linetable of PEP 657: 3.11 on */
};

/* Offsets, or positions of offsets; PY_ABSENT where the version has none. */
struct py_stack_fields {
	/* _PyRuntimeState, PyInterpreterState, PyThreadState */
	uint16_t interpreters, interp_next, threads;
	uint16_t thread_next, thread_interp, thread_id;
	uint16_t thread_frame;
	uint16_t cframe_frame;   /* 3.11, 3.12: thread_frame leads to a _PyCFrame */
	/* PyFrameObject until 3.10, then _PyInterpreterFrame */
	uint16_t frame_previous, frame_code, frame_instr, frame_owner;
	uint16_t frame_tlbc;     /* 3.14+, free-threaded: which copy of the code */
	/* PyCodeObject */
	uint16_t code_filename, code_name, code_qualname;
	uint16_t code_firstlineno, code_lines;
	uint16_t code_instrs;    /* 3.11+: the instructions themselves */
	uint16_t code_tlbc;
	/* PyObject and bytes */
	uint16_t object_type, bytes_size, bytes_data;
};

struct py_stack_layout {
	enum py_stack_kind kind;
	enum py_lines_kind lines;
	struct py_stack_fields fields;
	/* The lowest frame_owner of frames that are no Python function's
	 * (FRAME_OWNED_BY_CSTACK, _INTERPRETER); 0 without such frames. */
	unsigned foreign_owner;
	/* Position of struct _debugger_support (debugger.h): PEP 768, from
	 * 3.14 on; 0 before. */
	uint16_t debugger;
};

extern const struct py_stack_layout py_stack_3_7, py_stack_3_8, py_stack_3_9,
	py_stack_3_10, py_stack_3_11, py_stack_3_12, py_stack_3_13,
	py_stack_3_14, py_stack_3_15;

#endif
