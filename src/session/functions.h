/*
 * The functions that the lines of tracemalloc's frames are in: told by the code
 * objects of the process, and kept for the snapshots that follow. Private to
 * src/session.
 */
#ifndef TM_SESSION_FUNCTIONS_H
#define TM_SESSION_FUNCTIONS_H

#include "session/look.h"
#include "trace/tracemalloc.h"

/*
 * Look for those of the lines in `collected` that are not known yet, in an instant
 * that nobody waits for: the whole heap is read. False: its memory was being
 * changed, another instant may do; what is known stays.
 */
bool tm_functions_find(struct tm_session *session, const struct tm_instant *instant,
		       const struct tm_collected *collected);

#endif
