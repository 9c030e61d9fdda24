/*
 * Which functions the lines of files are in, without source: told by the code
 * objects in a heap. Of those that have instructions of a line the innermost
 * counts: the one that begins last, and of several the one that ends first.
 * Where they are not nested and have different names, as functions made from
 * equal text, the line has none.
 */
#ifndef TM_PY_FUNCTIONS_H
#define TM_PY_FUNCTIONS_H

#include "base/intern.h"
#include "heap/blocks.h"
#include "py/runtime.h"
#include "target/maps.h"

struct py_functions;

/*
 * Of these files, in memory that stands still and is not needed afterwards;
 * `blocks` are those in which objects may be. Static code objects of the
 * interpreter are found, too. NULL with TM_ERR_UNSUPPORTED where the layout of
 * code objects is not known for this build.
 */
struct py_functions *py_functions_read(struct tm_mem *mem, const struct tm_maps *maps,
				       const struct py_runtime *runtime,
				       const struct heap_blocks *blocks,
				       const struct tm_intern *files,
				       struct tm_err *err) TM_MUST_CHECK;
void py_functions_destroy(struct py_functions *functions); /* NULL is fine */

/* The qualified name; before 3.11, co_name where nothing in the heap tells more.
 * `file`: its number in the files. NULL: not known. */
const char *py_functions_at(const struct py_functions *functions, uint32_t file,
			    uint32_t lineno);

#endif
