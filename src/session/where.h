/* tm_session_where() for a CPython. Private to src/session. */
#ifndef TM_SESSION_WHERE_H
#define TM_SESSION_WHERE_H

#include "session/attach.h"

struct tm_snapshot *tm_where(struct tm_session *session, uint64_t address,
			     struct tm_err *err) TM_MUST_CHECK;

#endif
