/* Remote str objects and UTF-8 strings. */
#ifndef TM_PY_STR_H
#define TM_PY_STR_H

#include "base/buf.h"
#include "mem/mem.h"
#include "py/runtime.h"

/*
 * How str objects look in this build, according to PyUnicode_Type itself: the size
 * of the object header (16; 32 in free-threaded and old trace-refs builds)
 * and tp_basicsize. Anything else is TM_ERR_UNSUPPORTED.
 */
bool py_str_layout_find(struct tm_mem *mem, tm_addr unicode_type,
			const struct py_layout *layout, bool free_threaded,
			struct py_str_layout *ret, struct tm_err *err) TM_MUST_CHECK;

/* Where in `state` the bits of kind, compact and ascii begin, in this order. */
unsigned py_str_kind_shift(const struct py_str_layout *str);

/* Any str object, or one of a subclass; as py_filename_read() below. */
bool py_str_read(struct tm_mem *mem, const struct py_str_layout *str,
		 tm_addr at, struct tm_buf *ret, struct tm_err *err) TM_MUST_CHECK;

/* `n` characters as a str has them, of `kind` (1, 2, 4) bytes each. False: some are
 * no code points. */
bool py_chars_to_utf8(const char *data, unsigned kind, size_t n, struct tm_buf *ret);

/* Is it a str with this text (UTF-8 with surrogatepass)? One that is not is
 * most often recognised by its length, without its characters being read. */
bool py_str_equals(struct tm_mem *mem, const struct py_str_layout *str,
		   tm_addr at, const char *text, size_t len) TM_MUST_CHECK;

/*
 * What the names of frames are, where the version alone does not decide it: a
 * str knows its type. The name of the empty traceback is examined, and then
 * `names`, some of the frames. TM_ERR_UNSUPPORTED if none of them decides it.
 */
bool py_filename_kind(struct tm_mem *mem, const struct py_runtime *runtime,
		      const tm_addr *names, size_t n, enum py_filename_kind *ret,
		      struct tm_err *err) TM_MUST_CHECK;

/*
 * The filename that a frame points to, as UTF-8 with surrogatepass, into an
 * empty `ret`: a str or one of a subclass, or a C string. Anything implausible
 * (a freed object, bytes that are not UTF-8) is TM_ERR_CORRUPT.
 */
bool py_filename_read(struct tm_mem *mem, const struct py_runtime *runtime,
		      enum py_filename_kind kind, tm_addr at, struct tm_buf *ret,
		      struct tm_err *err) TM_MUST_CHECK;

#endif
