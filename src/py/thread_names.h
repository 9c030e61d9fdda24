/* What Python's threads are called: threading.Thread.name. */
#ifndef TM_PY_THREAD_NAMES_H
#define TM_PY_THREAD_NAMES_H

#include "base/buf.h"
#include "py/runtime.h"

/* Of the thread whose get_ident() it is: with glibc and musl, its thread pointer. The text is
 * UTF-8 with surrogates, and good until it returns. */
typedef void py_thread_name_fn(void *ctx, uint64_t ident, const struct tm_buf *name);

/*
 * Those that run, as far as `threading` was imported. In memory that may run on: one that
 * begins or ends just now may be missed. Of an ident that several interpreters know, the
 * main one's name comes last. False: the interpreters cannot be read.
 */
bool py_thread_names_each(struct tm_mem *mem, const struct py_runtime *runtime,
			  py_thread_name_fn *fn, void *ctx, struct tm_err *err) TM_MUST_CHECK;

#endif
