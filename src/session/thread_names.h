/* What threads of the recorder's table are called. Private to src/session. */
#ifndef TM_SESSION_THREAD_NAMES_H
#define TM_SESSION_THREAD_NAMES_H

#include <sys/types.h>

#include "inject/inject.h"
#include "trace/recorder_traces.h"

struct tm_thread_names {
	const struct tm_recorder_copy *copy;
	const struct tm_inject_thread *threads; /* of the same instant */
	size_t n;
	pid_t pid;
};

/*
 * Have them be asked for. A thread that was there is its name as the kernel has it, and
 * its id, "worker (4711)"; another is "thread 7 (ended)", by the order in which they first
 * allocated. True.
 */
bool tm_thread_names(const struct tm_thread_names *names, struct tm_frame_source *source);

#endif
