/* The mark that an interpreter sets when it begins to tear itself down. */
#ifndef TM_PY_FINALIZING_H
#define TM_PY_FINALIZING_H

#include "mem/mem.h"
#include "target/maps.h"

/*
 * The address of _PyRuntime.finalizing (8 bytes, 0 until Py_FinalizeEx() has
 * run the exit handlers), from the code of Py_IsFinalizing(). Can be asked as
 * soon as the program is loaded, before Python has begun. False: no CPython
 * is loaded, or its code has an unknown shape.
 */
bool py_finalizing_find(struct tm_mem *mem, const struct tm_maps *maps, tm_addr *ret);

#endif
