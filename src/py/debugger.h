/*
 * PEP 768: where a CPython from 3.14 on is asked to run a script at its next
 * safe point. Offsets are the process's own (struct _debugger_support in
 * _Py_DebugOffsets, Include/internal/pycore_debug_offsets.h; checked against
 * 3.14.10 and 3.15.2); what is done with them is what sys.remote_exec() does
 * (Python/remote_debugging.c).
 */
#ifndef TM_PY_DEBUGGER_H
#define TM_PY_DEBUGGER_H

#include "py/runtime.h"

enum { PY_DEBUGGER_STOP_BIT = 1 << 5 }; /* _PY_EVAL_PLEASE_STOP_BIT */

struct py_debugger {
	tm_addr interpreter;    /* the main one */
	bool enabled;           /* not disabled by its owner or its build */
	uint64_t threads, thread_next, thread_interp;
	/* From a thread state on: a word of flags, an int, a path and its size. */
	uint64_t breaker, pending, path;
	size_t path_size;
};

/* False where the version has none, or what it says is implausible. */
bool py_debugger_find(struct tm_mem *mem, const struct py_runtime *runtime,
		      struct py_debugger *ret);

/* The thread state after `*thread` (0: the first); 0 at the end. False when
 * memory contradicts that it is one of the main interpreter's. */
bool py_debugger_next(struct tm_mem *mem, const struct py_debugger *debugger,
		      tm_addr *thread);

#endif
