/* Remote int objects. */
#ifndef TM_PY_INT_H
#define TM_PY_INT_H

#include "py/runtime.h"

/* One of at most 60 bits, whose type the caller has checked. False: it is larger, or
 * cannot be read. */
bool py_int_read(struct tm_mem *mem, const struct py_runtime *runtime, tm_addr at,
		 int64_t *ret) TM_MUST_CHECK;

#endif
