/* struct tm_family: what is counted of the memory of several processes. Private to
 * src/session. */
#ifndef TM_SESSION_FAMILY_H
#define TM_SESSION_FAMILY_H

#include "session/subject.h"
#include "trace/tracemalloc.h"

/* Lower what was collected of this process to what the family has not counted yet,
 * and count that. False: all of it. *ret_bytes are those that were counted before. */
bool tm_family_count(struct tm_family *family, const struct tm_session *session,
		     struct tm_collected *collected, uint64_t *ret_bytes);

#endif
