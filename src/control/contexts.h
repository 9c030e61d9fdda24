/*
 * Without a GIL, start() and stop() of tracemalloc exchange the allocators beside
 * threads that allocate. CPython reads a table's context and its function one after
 * the other, so that a thread can call tracemalloc's function with the context that
 * was there before, NULL, and the process crashes (3.13: a start in a hundred).
 *
 * The functions of CPython itself do not look at their context. So both tables, the
 * one in use and the one that tracemalloc keeps, get the context that tracemalloc
 * wants before it changes anything: then each pair that a thread can meet is right.
 * It stays there: nobody looks at it.
 */
#ifndef TM_CONTROL_CONTEXTS_H
#define TM_CONTROL_CONTEXTS_H

#include "control/control.h"
#include "py/allocators.h"
#include "target/maps.h"

/*
 * Before start() or stop() in a free-threaded CPython; elsewhere it does nothing. May be
 * repeated. TM_ERR_UNSUPPORTED: other threads run, and the functions in the tables, or
 * in those that tracemalloc keeps, have contexts of their own.
 */
bool control_contexts(const struct control_target *target, const struct tm_maps *maps,
		      struct tm_err *err) TM_MUST_CHECK;

/*
 * Does somebody look at the context of this table (its five words), or may do so? One that
 * is neither none nor ours is looked at; a function that is not CPython's may look at any.
 */
bool control_is_foreign(const struct control_target *target, const struct tm_maps *maps,
			tm_addr table, const uint64_t words[static 1 + PY_NFUNCTIONS]);

#endif
