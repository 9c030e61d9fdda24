/* What is alive in a Python, and who holds it. Private to src/session. */
#ifndef TM_SESSION_OBJECTS_H
#define TM_SESSION_OBJECTS_H

#include "heap/kept.h"
#include "tmattach/process.h"

struct tm_census_opts {
	bool graph;          /* who refers to whom; without: types and sizes */
	bool lines;          /* where objects were allocated, if tracemalloc traces */
	bool names;          /* how, and the literals of keys: read while the memory is
				there */
	struct heap_keep keep; /* with `names` */
};

/*
 * Of a process: read from a frozen copy where that pauses it for less time, at
 * an instant that proves itself. *ret_pause_ns (may be NULL): for how long it
 * was stopped. The session must outlive the census.
 */
struct heap_census *tm_session_census(struct tm_session *session,
				      const struct tm_census_opts *opts,
				      uint64_t *ret_pause_ns,
				      struct tm_err *err) TM_MUST_CHECK;

#endif
