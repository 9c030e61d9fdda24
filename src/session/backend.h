/*
 * What differs between a CPython that traces by itself and a process with our
 * recorder in it: one const struct each (cpython.c, native.c); session.c asks
 * the one that attaching has chosen. Private to src/session.
 *
 * All but `status` run on a thread of their own (action.h) where they stop
 * the target; status reads only.
 */
#ifndef TM_SESSION_BACKEND_H
#define TM_SESSION_BACKEND_H

#include "tmattach/control.h"
#include "tmattach/session.h"

struct tm_backend {
	bool (*status)(struct tm_session *session, struct tm_status *ret,
		       struct tm_err *err);
	struct tm_snapshot *(*sample)(struct tm_session *session,
				      struct tm_err *err);
	bool (*reset_peak)(struct tm_session *session, struct tm_err *err);
	bool (*start)(struct tm_session *session, uint32_t nframe,
		      unsigned timeout_ms, struct tm_control *ret,
		      struct tm_err *err);
	bool (*stop)(struct tm_session *session, unsigned timeout_ms,
		     struct tm_control *ret, struct tm_err *err);
	bool (*clear)(struct tm_session *session, unsigned timeout_ms,
		      struct tm_err *err);
	struct tm_snapshot *(*where)(struct tm_session *session, uint64_t address,
				     struct tm_err *err);
};

extern const struct tm_backend tm_backend_cpython;
extern const struct tm_backend tm_backend_native;

#endif
