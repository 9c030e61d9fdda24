/* What a process takes and its recorder does not see. Private to src/session. */
#ifndef TM_SESSION_UNSEEN_H
#define TM_SESSION_UNSEEN_H

#include <stdint.h>

struct tm_session;

/* A note, if the process is of a kind that allocates otherwise. */
void tm_remark_unseen(const struct tm_session *session);
/* A note, if the process has taken far more memory than the bytes that are traced
 * since it had `before` (0: unknown). */
void tm_remark_growth(const struct tm_session *session, uint64_t traced, uint64_t before);

#endif
