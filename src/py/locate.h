/* Where tracemalloc's variables are. Private to src/py. */
#ifndef TM_PY_LOCATE_H
#define TM_PY_LOCATE_H

#include "py/runtime.h"

/*
 * Fill runtime->roots. Structure (a pointer to a hash table that can only be
 * the traces table) and code (what the functions of _tracemalloc refer to)
 * are independent means; where both have a result they must agree.
 */
bool py_locate(struct tm_mem *mem, const struct tm_maps *maps,
	       const struct tm_image *image, struct py_runtime *runtime,
	       struct tm_err *err) TM_MUST_CHECK;

#endif
