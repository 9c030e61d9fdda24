/* The mark that an interpreter sets when it begins to tear itself down. */
#ifndef TM_PY_FINALIZING_H
#define TM_PY_FINALIZING_H

#include "mem/mem.h"
#include "target/maps.h"

/* Both are 0 until then. */
struct py_finalizing {
	tm_addr mark;    /* _PyRuntime.finalizing: Py_FinalizeEx() has run the exit handlers */
	tm_addr begun;   /* _PyRuntime.interpreters.head: the runtime is set up, which
			  * writes to the mark, too; 0: not known */
};

/*
 * From the code of Py_IsFinalizing() and PyInterpreterState_Head(). Can be
 * asked as soon as the program is loaded, before Python has begun. False: no
 * CPython is loaded, or its code has an unknown shape.
 */
bool py_finalizing_find(struct tm_mem *mem, const struct tm_maps *maps,
			struct py_finalizing *ret);

#endif
