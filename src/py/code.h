/*
 * What stripped code reveals: static functions through their method table,
 * and the variables that a function's instructions refer to.
 */
#ifndef TM_PY_CODE_H
#define TM_PY_CODE_H

#include <stddef.h>

#include "arch/arch.h"
#include "image/image.h"
#include "mem/mem.h"

/* The methods of the _tracemalloc module, found by their names. */
struct py_methods {
	tm_addr is_tracing;
	tm_addr get_traced_memory;
	tm_addr get_tracemalloc_memory;
};

/*
 * Find the PyMethodDef array of _tracemalloc: the name "is_tracing" in the
 * image's constants and the METH_NOARGS record in its data that points there.
 * TM_ERR_UNSUPPORTED unless there is exactly one.
 */
bool py_methods_find(struct tm_mem *mem, const struct tm_image *image,
		     struct py_methods *ret, struct tm_err *err) TM_MUST_CHECK;

/* What is looked for in a function's code. */
struct py_variable {
	struct tm_range within; /* it lies in there */
	tm_addr base;           /* of ours, exported: may come from the GOT; or 0 */
	unsigned size;          /* in bytes */
};

/*
 * The first such variable that an exported function reads: by a direct
 * operand, or through a register. 0: none was seen.
 */
tm_addr py_code_first_read(struct tm_mem *mem, const struct tm_image *image,
			   const char *function, const struct py_variable *what);

/*
 * Is it certain that the function reads such a variable first, and that it is
 * not the expected one? Code that is not understood proves nothing.
 */
bool py_code_denies(struct tm_mem *mem, const struct tm_image *image,
		    const char *function, const struct py_variable *what,
		    tm_addr expected) TM_MUST_CHECK;

/*
 * All that an exported function refers to: tm_code_refers(). False if there is no
 * such function.
 */
bool py_code_refers(struct tm_mem *mem, const struct tm_image *image,
		    const char *function, tm_addr base,
		    struct tm_refers *ret) TM_MUST_CHECK;

/* Where the thread-local variable is that an exported function returns. */
bool py_code_local(struct tm_mem *mem, const struct tm_image *image,
		   const char *function, struct tm_local *ret) TM_MUST_CHECK;

/*
 * Targets of `code`, each listed once, GOT slots of `base` replaced by `base`
 * itself. Returns how many.
 */
size_t py_code_variables(struct tm_mem *mem, const struct tm_image *image,
			 tm_addr code, tm_addr base, tm_addr *ret, size_t max);

#endif
