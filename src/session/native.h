/* The recorder's side of a session. Private to src/session. */
#ifndef TM_SESSION_NATIVE_H
#define TM_SESSION_NATIVE_H

#include "session/attach.h"

/*
 * Attach as to a native process. With `must_record`, only if a recorder is in
 * it already: false without touching *err otherwise.
 */
bool tm_native_attach(struct tm_session *session, bool must_record);
void tm_native_detach(struct tm_session *session);

#endif
