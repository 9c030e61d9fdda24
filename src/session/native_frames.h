/* What the recorder's stacks are made of as frames of a snapshot. Private to
 * src/session. */
#ifndef TM_SESSION_NATIVE_FRAMES_H
#define TM_SESSION_NATIVE_FRAMES_H

#include "session/subject.h"
#include "trace/recorder_traces.h"

/* For tm_recorder_build() of this copy; borrows from the session. */
struct tm_frame_source tm_recorder_frames(struct tm_session *session,
					  const struct tm_recorder_copy *copy);

#endif
