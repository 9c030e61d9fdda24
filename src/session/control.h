/* The acts of control.h of the public doors, on a thread that ends afterwards.
 * Private to src/session. */
#ifndef TM_SESSION_CONTROL_H
#define TM_SESSION_CONTROL_H

#include "session/attach.h"

struct tm_snapshot *tm_where(struct tm_session *session, uint64_t address,
			     struct tm_err *err) TM_MUST_CHECK;

#endif
