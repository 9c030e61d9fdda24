/* Objects and the memory blocks they stand in. */
#ifndef TM_PY_OBJECT_H
#define TM_PY_OBJECT_H

#include "mem/mem.h"
#include "py/runtime.h"

/*
 * Where the block of the object at `object` (its id()) begins, as
 * get_object_traceback() computes it from the object's type: garbage
 * collector header and pre-headers come before the object. False if no object
 * of a plausible type stands there.
 */
bool py_object_block(struct tm_mem *mem, const struct py_runtime *runtime,
		     tm_addr object, tm_addr *ret);

#endif
