/* Remote str objects and UTF-8 strings. */
#ifndef TM_PY_STR_H
#define TM_PY_STR_H

#include "base/buf.h"
#include "mem/mem.h"
#include "py/runtime.h"

/*
 * How str objects look in this build, told by PyUnicode_Type itself: the size
 * of the object header (16; 32 in free-threaded and old trace-refs builds)
 * and tp_basicsize. Anything else is TM_ERR_UNSUPPORTED.
 */
bool py_str_layout_find(struct tm_mem *mem, tm_addr unicode_type,
			const struct py_layout *layout, bool free_threaded,
			struct py_str_layout *ret, struct tm_err *err) TM_MUST_CHECK;

/* Any str object, or one of a subclass; as py_filename_read() below. */
bool py_str_read(struct tm_mem *mem, const struct py_str_layout *str,
		 tm_addr at, struct tm_buf *ret, struct tm_err *err) TM_MUST_CHECK;

/*
 * The filename that a frame points to, as UTF-8 with surrogatepass, into an
 * empty `ret`. Accepts str, its subclasses and C strings as the layout says;
 * anything implausible (a freed object) is TM_ERR_CORRUPT.
 */
bool py_filename_read(struct tm_mem *mem, const struct py_runtime *runtime,
		      tm_addr at, struct tm_buf *ret, struct tm_err *err) TM_MUST_CHECK;

#endif
