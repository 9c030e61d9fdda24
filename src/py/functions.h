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
 * Of these files, in memory that stands still. NULL with TM_ERR_UNSUPPORTED where
 * the layout of code objects is not known for this build.
 */
struct py_functions *py_functions_begin(struct tm_mem *mem,
					const struct py_runtime *runtime,
					const struct tm_intern *files,
					struct tm_err *err) TM_MUST_CHECK;
/* What it has to be shown of the blocks in which objects may be. */
struct heap_heads py_functions_heads(struct py_functions *functions);
/* They have been shown, and the memory is not needed afterwards. Static code objects
 * of the interpreter are found, too. */
void py_functions_finish(struct py_functions *functions, const struct tm_maps *maps);
void py_functions_destroy(struct py_functions *functions); /* NULL is fine */

/* The qualified name; before 3.11, co_name where nothing in the heap tells more.
 * `file`: its number in the files. NULL: not known. */
const char *py_functions_at(const struct py_functions *functions, uint32_t file,
			    uint32_t lineno);

#endif
