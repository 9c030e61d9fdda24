/* What the recorder's stacks are made of as frames of a snapshot. Private to
 * src/session. */
#ifndef TM_SESSION_NATIVE_FRAMES_H
#define TM_SESSION_NATIVE_FRAMES_H

#include "session/subject.h"
#include "trace/recorder_traces.h"

/* For tm_recorder_build() of this copy of the table at `at`; borrows from the session. */
bool tm_recorder_frames(struct tm_session *session, const struct tm_recorder_copy *copy,
			struct tm_mem *table, tm_addr at, struct tm_frame_source *ret,
			struct tm_err *err) TM_MUST_CHECK;

#endif
