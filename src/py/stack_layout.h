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

#include <stdbool.h>
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
	uint16_t interp_modules; /* sys.modules */
	uint16_t thread_next, thread_interp, thread_id;
	uint16_t thread_frame;
	uint16_t thread_cframe;  /* 3.10 to 3.12: points to the C stack */
	uint16_t cframe_frame;   /* 3.11, 3.12: thread_frame leads to a _PyCFrame */
	uint16_t cframe_previous; /* 3.10 to 3.12 (Include/cpython/pystate.h) */
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

/* Where a coroutine or generator has its frame, and the frame its stack. */
enum py_gen_kind {
	PY_GEN_UNKNOWN,
	PY_GEN_STACK_TOP,   /* 3.7 to 3.9: gi_frame; f_stacktop is a pointer */
	PY_GEN_STACK_DEPTH, /* 3.10: gi_frame; f_stackdepth items at f_valuestack */
	PY_GEN_INSIDE,      /* 3.11 to 3.13: gi_iframe; stacktop items at localsplus */
	PY_GEN_INSIDE_TOP,  /* 3.14 on: gi_iframe; stackpointer is a pointer */
};

/*
 * PyGenObject, which coroutines and asynchronous generators are alike; release
 * builds (from the same sources as above, 3.14.10 and 3.15.2 from their headers).
 */
struct py_waiting_layout {
	enum py_gen_kind gen;
	uint16_t gen_frame;
	uint16_t state;          /* gi_frame_state; f_state in the frame: 3.10 */
	uint16_t stack_top;      /* in the frame, as its kind says */
	uint16_t stack_base;     /* localsplus; f_valuestack */
	uint16_t code_bytes;     /* co_code: until 3.10 */
	int8_t created, suspended, executing;  /* values of `state` */
	int8_t delegating;       /* and of a delegation; no value of its own
	                          * until 3.12: the same as suspended */
	uint16_t above_awaited;  /* bytes on the stack above what is awaited: one
	                          * more item from 3.15 on (SEND) */
	uint16_t frame_inner;    /* PyFrameObject.f_frame; PY_ABSENT: it is the frame */
};

struct py_stack_layout {
	enum py_stack_kind kind;
	enum py_lines_kind lines;
	struct py_stack_fields fields;
	/* 3.11+: how many bytes in front of the instructions, or in free-threaded
	 * builds of co_tlbc, _co_firsttraceable stands: co_extra is between them.
	 * (Include/cpython/code.h.) */
	uint16_t code_traceable;
	/* The lowest frame_owner of frames that are not a Python function's
	 * (FRAME_OWNED_BY_CSTACK, _INTERPRETER); 0 without such frames. */
	unsigned foreign_owner;
	/* thread_id is that of the thread that runs the state, not of the one
	 * that made it. */
	bool id_is_runner;
	/* Position of struct _debugger_support (debugger.h): PEP 768, from
	 * 3.14 on; 0 before. */
	uint16_t debugger;
	struct py_waiting_layout waiting;
};

#endif
