/*
 * The interpreters of a process, and where their fields are in this build.
 */
#ifndef TM_PY_INTERPRETERS_H
#define TM_PY_INTERPRETERS_H

#include "py/runtime.h"

/*
 * The offsets of this build: the table's, or those that the process has in
 * its _Py_DebugOffsets. TM_ERR_UNSUPPORTED where they are not plausible.
 */
bool py_stack_fields_read(struct tm_mem *mem, const struct py_runtime *runtime,
			  struct py_stack_fields *ret,
			  struct tm_err *err) TM_MUST_CHECK;

struct py_interpreters {
	tm_addr *items; /* PyInterpreterState: the newest first, the main one last */
	size_t n, cap;
};

bool py_interpreters_read(struct tm_mem *mem, const struct py_runtime *runtime,
			  const struct py_stack_fields *fields,
			  struct py_interpreters *ret,
			  struct tm_err *err) TM_MUST_CHECK;
void py_interpreters_free(struct py_interpreters *interpreters); /* works as a guard */

/* TM_ERR_UNSUPPORTED: what is expected at `at` is not there. Returns false. */
bool py_stack_refuse(const struct py_runtime *runtime, struct tm_err *err,
		     const char *what, tm_addr at);

#endif
