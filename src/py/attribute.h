/* Attributes of instances. */
#ifndef TM_PY_ATTRIBUTE_H
#define TM_PY_ATTRIBUTE_H

#include "py/runtime.h"

/*
 * What the object itself has under a name of ASCII (not its class, and no slot); false
 * if it has none. Like a dict (dict.h), it may change while it is read.
 */
bool py_attribute(struct tm_mem *mem, const struct py_runtime *runtime, tm_addr object,
		  const char *name, tm_addr *ret) TM_MUST_CHECK;

#endif
