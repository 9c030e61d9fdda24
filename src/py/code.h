/*
 * What stripped code gives away: static functions through their method table,
 * and the variables that a function's instructions refer to.
 */
#ifndef TM_PY_CODE_H
#define TM_PY_CODE_H

#include <stddef.h>

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

/* One RIP-relative or absolute operand that lies in writable data. */
struct py_ref {
	tm_addr at;       /* where the operand's 4 bytes stand in the code */
	tm_addr target;
};

/*
 * Operands in the first `len` bytes at `code`, in program order, at most
 * `max`. This looks at every byte offset and so can see operands that are
 * none: each use checks what it takes.
 */
size_t py_code_refs(struct tm_mem *mem, const struct tm_image *image,
		    tm_addr code, size_t len, struct py_ref *ret, size_t max);

/*
 * The first variable that a function's code reads: a direct operand, or
 * through the GOT slot of `base` plus a displacement. 0: unknown shape.
 */
tm_addr py_code_first_variable(struct tm_mem *mem, const struct tm_image *image,
			       const struct tm_symbol *function, tm_addr base);

/*
 * The address of the `tracing` flag as PyTraceMalloc_Untrack() reads it
 * first: a direct operand, or through the GOT slot of `base` (an exported
 * variable of ours, 0 if there is none) plus a displacement. 0 if the code
 * has an unknown shape.
 */
tm_addr py_code_tracing_flag(struct tm_mem *mem, const struct tm_image *image,
			     tm_addr base);

/*
 * Targets of `code`, each listed once, GOT slots of `base` replaced by `base`
 * itself. Returns how many.
 */
size_t py_code_variables(struct tm_mem *mem, const struct tm_image *image,
			 tm_addr code, tm_addr base, tm_addr *ret, size_t max);

#endif
