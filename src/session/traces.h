/* tm_session_take_snapshot() and tm_session_where() of a CPython's tracemalloc.
 * Private to src/session. */
#ifndef TM_SESSION_TRACES_H
#define TM_SESSION_TRACES_H

#include "session/subject.h"

struct tm_snapshot *tm_traces(struct tm_session *session,
			      struct tm_err *err) TM_MUST_CHECK;
struct tm_snapshot *tm_where(struct tm_session *session, uint64_t address,
			     struct tm_err *err) TM_MUST_CHECK;

#endif
