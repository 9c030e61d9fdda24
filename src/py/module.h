/* The modules of an interpreter, and what they hold. */
#ifndef TM_PY_MODULE_H
#define TM_PY_MODULE_H

#include "py/interpreters.h"

/* sys.modules of an interpreter: a dict. False if it is not there (yet). */
bool py_modules(struct tm_mem *mem, const struct py_runtime *runtime,
		const struct py_stack_fields *fields, tm_addr interpreter,
		tm_addr *ret) TM_MUST_CHECK;

/* The dict of a module that was imported. */
bool py_module_dict(struct tm_mem *mem, const struct py_runtime *runtime,
		    tm_addr modules, const char *name, tm_addr *ret) TM_MUST_CHECK;

#endif
