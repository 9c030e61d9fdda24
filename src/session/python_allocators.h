/* Where a CPython allocates, as the recorder has to know it. Private to src/session. */
#ifndef TM_SESSION_PYTHON_ALLOCATORS_H
#define TM_SESSION_PYTHON_ALLOCATORS_H

#include "inject/inject.h"
#include "py/thread_access.h"
#include "session/subject.h"

/* What tm_inject_start() is given; must stay where it is. */
struct tm_python_allocators {
	struct tm_inject_python python;
	struct py_thread_access access;
	const struct tm_session *session;
};

/*
 * Its allocator tables as they are now, the hooks that fit them, and how the frames
 * of its threads are found. TM_ERR_UNSUPPORTED, with the next step, where the
 * recorder cannot be put there.
 */
bool tm_python_allocators(struct tm_session *session, struct tm_python_allocators *ret,
			  struct tm_err *err) TM_MUST_CHECK;

/* Has a trace of this Python's tracemalloc a total_nframe? */
bool tm_python_counts_frames(struct tm_session *session);

#endif
