/* What threads of the recorder's table are called. Private to src/session. */
#ifndef TM_SESSION_THREAD_NAMES_H
#define TM_SESSION_THREAD_NAMES_H

#include "inject/inject.h"
#include "session/subject.h"
#include "trace/recorder_traces.h"

/*
 * Learn what those are called now that there were at the instant of the copy, as Python or else the kernel has it, with the id:
 * "worker (4711)". The session remembers it for as long as the copies have blocks of them;
 * of a core's threads only the first one's name is known without Python.
 */
void tm_thread_names_learn(struct tm_session *session, const struct tm_recorder_copy *copy,
			   const struct tm_inject_thread *seen, size_t n);

/* Have them be asked for. One that was never seen is "thread 7 (ended)", by the order in
 * which they first allocated. Borrows from the session. */
void tm_thread_names_tell(struct tm_session *session, struct tm_frame_source *source);

void tm_thread_names_destroy(struct tm_thread_names *names); /* NULL is fine */

#endif
