/*
 * Who traces in a process: CPython's tracemalloc or our recorder, in malloc or in
 * CPython's allocators; one const struct each (cpython.c, native.c,
 * core_recorder.c). Private to src/session.
 */
#ifndef TM_SESSION_TRACER_H
#define TM_SESSION_TRACER_H

#include "session/subject.h"
#include "tmattach/process.h"
#include "trace/recorder_copy.h"

/* What a control call is given. */
struct tm_order {
	uint32_t nframe;
	unsigned timeout_ms;
};

/* Runs as an act (action.h). *ret may be filled in. */
typedef bool tm_control_fn(struct tm_session *session, const struct tm_order *order,
			   struct tm_control_result *ret, struct tm_err *err);

struct tm_backend {
	bool (*status)(struct tm_session *session, struct tm_status *ret,
		       struct tm_err *err);
	struct tm_snapshot *(*traces)(struct tm_session *session,
				      struct tm_err *err);
	/* The one of the block at an address, or of the object whose id() it
	 * is; no traces: it is not known. */
	struct tm_snapshot *(*where)(struct tm_session *session, uint64_t address,
				     struct tm_err *err);
	/* NULL where nothing can be changed: a core. */
	tm_control_fn *reset_peak, *start, *stop, *clear;
	bool knows_ages; /* of blocks, and which were there at the peak */
};

extern const struct tm_backend tm_backend_cpython;
extern const struct tm_backend tm_backend_native;
extern const struct tm_backend tm_backend_python;
extern const struct tm_backend tm_backend_core_recorder;

/* Is our recorder in a live process already? */
bool tm_native_recorded(struct tm_session *session);
/* And in the allocators of its CPython? */
bool tm_python_recorded(struct tm_session *session);
/* Take out what is left of one: in a forked child, or of one that was stopped. */
bool tm_native_tidy(struct tm_session *session, struct tm_err *err) TM_MUST_CHECK;
/* Was it in a core's, and is its table there? TM_ERR_NOT_TRACED: it was not,
 * TM_ERR_UNSUPPORTED: the table was not written. */
bool tm_core_recorder_find(struct tm_session *session,
			   struct tm_err *err) TM_MUST_CHECK;
/* The table, once it was found; a zeroed copy. */
bool tm_core_recorder_copy(struct tm_session *session, struct tm_recorder_copy *ret,
			   struct tm_err *err) TM_MUST_CHECK;

/* Choose it, if that is not done yet; as the session's options say. NULL with
 * *err: nothing in the process traces or could. */
const struct tm_backend *tm_tracer(struct tm_session *session,
				   struct tm_err *err) TM_MUST_CHECK;

#endif
