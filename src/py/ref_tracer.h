/*
 * What CPython calls with each object that it makes or ends: `ref_tracer` of
 * _PyRuntime, {tracer_func, tracer_data} (pycore_runtime.h, 3.13 to 3.15). Tells of
 * blocks that it has kept and puts another object in, of which allocators hear
 * nothing. tracemalloc uses it, and who calls PyRefTracer_SetTracer(), by whose code it
 * is found.
 */
#ifndef TM_PY_REF_TRACER_H
#define TM_PY_REF_TRACER_H

#include "py/runtime.h"

struct py_ref_tracer {
	tm_addr at;       /* of the function's word; 0: this version has none, or its
			     code does not tell of exactly one */
	tm_addr function; /* 0: nobody is told */
};

/* In a process that runs or stands still. */
struct py_ref_tracer py_ref_tracer_find(struct tm_mem *mem, const struct tm_maps *maps,
					const struct py_runtime *runtime);

#endif
