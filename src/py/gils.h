/*
 * The GILs of a process: from 3.12 on an interpreter may have one of its own
 * (PEP 684).
 */
#ifndef TM_PY_GILS_H
#define TM_PY_GILS_H

#include "py/runtime.h"

struct py_gils {
	/* Of the word in a PyInterpreterState that leads to the GIL it uses; PY_ABSENT
	 * where all interpreters share one, or none has any. */
	uint16_t interp_gil;
	size_t n;            /* that there are now */
};

/* The main interpreter's lies within itself, which tells where the word is. Of a process
 * that runs or stands still. TM_ERR_UNSUPPORTED: no such word. */
bool py_gils_find(struct tm_mem *mem, const struct py_runtime *runtime,
		  const struct py_stack_fields *fields, struct py_gils *ret,
		  struct tm_err *err) TM_MUST_CHECK;

#endif
