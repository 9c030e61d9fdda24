/* One consistent snapshot, and the other acts that stop the target. Private
 * to src/session; call them on a thread that ends afterwards. */
#ifndef TM_SESSION_SAMPLE_H
#define TM_SESSION_SAMPLE_H

#include "session/attach.h"

struct tm_snapshot *tm_sample(struct tm_session *session, struct tm_err *err);
bool tm_reset_peak(struct tm_session *session, struct tm_err *err);

#endif
