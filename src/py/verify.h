/* A third opinion: symbols and debug information. Private to src/py. */
#ifndef TM_PY_VERIFY_H
#define TM_PY_VERIFY_H

#include "image/image_file.h"
#include "py/runtime.h"

/*
 * Compare what was located with .symtab (names of static variables) and DWARF
 * (offsets in structs), as far as the file has them: a stripped file is not
 * an objection, a contradiction is TM_ERR_UNSUPPORTED.
 */
bool py_verify(struct tm_image_file *file, const struct tm_image *image,
	       const struct py_runtime *runtime, struct tm_err *err) TM_MUST_CHECK;

#endif
