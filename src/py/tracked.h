/*
 * The lists of the garbage collector and the objects on them: every greenlet and
 * asyncio task is among these, whoever holds it. Only in memory that does not change.
 */
#ifndef TM_PY_TRACKED_H
#define TM_PY_TRACKED_H

#include "py/interpreters.h"

enum {
	PY_GC_LINK_BITS = 3,    /* flags in the low bits of _gc_next and _gc_prev;
				   3.13.5 aligns heads of lists to 4 bytes */
	PY_GC_MAX_HEADS = 8,    /* of one collector */
};

/* The heads of the lists of one collector, found by their shape: in what order
 * they are differs even among releases of one minor (3.14.0 to 3.14.5). False:
 * leave off, *err is set. */
typedef bool py_gc_heads_fn(void *ctx, tm_addr state, const tm_addr *heads,
			    unsigned n, struct tm_err *err);

/* Each collector. TM_ERR_UNSUPPORTED: this build has none with such lists
 * (free-threaded). */
bool py_gc_heads_each(struct tm_mem *mem, const struct py_runtime *runtime,
		      const struct py_interpreters *interpreters,
		      py_gc_heads_fn *fn, void *ctx, struct tm_err *err) TM_MUST_CHECK;

/* False: leave off, *err is set. */
typedef bool py_tracked_fn(void *ctx, tm_addr object, struct tm_err *err);

/*
 * Each of all interpreters. TM_ERR_BUSY: the collector was at work just then,
 * its lists are not whole. TM_ERR_UNSUPPORTED: this build has no such lists
 * (free-threaded), or they are not where they are known to be.
 */
bool py_tracked_each(struct tm_mem *mem, const struct py_runtime *runtime,
		     const struct py_interpreters *interpreters,
		     py_tracked_fn *fn, void *ctx, struct tm_err *err) TM_MUST_CHECK;

/* Is none of the collectors at work? Their lists are whole then. */
bool py_collector_at_rest(struct tm_mem *mem, const struct py_runtime *runtime,
			  const struct py_interpreters *interpreters, bool *ret,
			  struct tm_err *err) TM_MUST_CHECK;

#endif
