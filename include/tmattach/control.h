/*
 * Control of tracing in a running process, from outside: what tracemalloc's
 * start(), stop(), clear_traces() and get_object_traceback() do from inside.
 * (reset_peak() is in session.h.)
 *
 * start, stop and clear are executed by the target itself, on a short-lived
 * thread of its own that takes the GIL like any other: they work while the
 * main thread sleeps, runs Python or runs C code. They wait for their turn
 * for `timeout_ms` at most (0: 5 seconds). TM_ERR_BUSY: nothing was done and
 * nothing will be (a C call holds the GIL, the process is stopped); the
 * message says what kept it. TM_ERR_LIMIT: the target raised an exception,
 * whose text is the cause.
 *
 * In a session on the recorder they bring it in, take it out and empty its
 * table. The target executes nothing for that, and `timeout_ms` means nothing.
 */
#ifndef TMATTACH_CONTROL_H
#define TMATTACH_CONTROL_H

#include "tmattach/session.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

enum { TM_NFRAME_MAX = 65535 };

/* What a call has done, and how the target is now. */
struct tm_control {
	bool changed;             /* false: it was so already */
	uint32_t traceback_limit; /* while tracing */
};

/*
 * tracemalloc.start(nframe), 1 to TM_NFRAME_MAX (else TM_ERR_USAGE). A target
 * that is tracing already goes on with the limit it has: `changed` is false.
 * TM_ERR_NOT_TRACED: the interpreter is starting up or shutting down.
 */
bool tm_session_start_tracing(struct tm_session *session, uint32_t nframe,
			      unsigned timeout_ms, struct tm_control *ret,
			      struct tm_err *err) TM_MUST_CHECK;

/* tracemalloc.stop(): all traces are gone. */
bool tm_session_stop_tracing(struct tm_session *session, unsigned timeout_ms,
			     struct tm_control *ret,
			     struct tm_err *err) TM_MUST_CHECK;

/* tracemalloc.clear_traces(). TM_ERR_NOT_TRACED when tracing is off. */
bool tm_session_clear_traces(struct tm_session *session, unsigned timeout_ms,
			     struct tm_err *err) TM_MUST_CHECK;

/*
 * Where a block was allocated: a snapshot with the one trace of the block at
 * `address`, or of the Python object whose id() it is; with no trace at all
 * if there is none (the block is older than tracing, or no block). For an
 * object this is what get_object_traceback() gives. Only reads.
 */
struct tm_snapshot *tm_session_where(struct tm_session *session, uint64_t address,
				     struct tm_err *err) TM_MUST_CHECK;

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
