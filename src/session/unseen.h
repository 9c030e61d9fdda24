/* What a process takes and its recorder does not see. Private to src/session. */
#ifndef TM_SESSION_UNSEEN_H
#define TM_SESSION_UNSEEN_H

#include <stdint.h>

struct tm_session;

/* Why what this process allocates is not, or not all, seen by hooks in malloc: a sentence,
 * static. NULL: nothing is known of it. */
const char *tm_unseen_cause(const struct tm_session *session);
/* A note, if the process has taken far more memory than the bytes that are traced
 * since it had `before` (0: unknown). */
void tm_remark_growth(const struct tm_session *session, uint64_t traced, uint64_t before);

#endif
