/* What a subject knows besides its traces. Private to src/session. */
#ifndef TM_SESSION_META_H
#define TM_SESSION_META_H

#include "session/subject.h"

/* Who gave the answer, and when; `runtime` is its name where there is no Python. */
struct tm_meta tm_meta_begin(const struct tm_session *session, const char *runtime);

/*
 * The scalars of a snapshot by CPython, from memory that does not change. Also
 * false when nothing is traced. A core whose tables were being changed is partial.
 */
bool tm_meta_take(const struct tm_session *session, struct tm_mem *mem,
		  struct tm_meta *ret, struct tm_err *err) TM_MUST_CHECK;

/* Is the lock of the tables free? For the look gate (look.h). */
bool tm_meta_at_rest(struct tm_session *session, bool *ret,
		     struct tm_err *err) TM_MUST_CHECK;

/* All of CPython's status but the process' resident memory. */
bool tm_meta_status(const struct tm_session *session, struct tm_status *ret,
		    struct tm_err *err) TM_MUST_CHECK;

/* TM_ERR_NOT_TRACED in words. Returns false. */
bool tm_not_traced(const struct tm_session *session, enum py_state state,
		   struct tm_err *err);

#endif
