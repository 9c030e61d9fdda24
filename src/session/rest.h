/* The instant at which a target can be read. Private to src/session; call
 * these on a thread that ends afterwards (action.h). */
#ifndef TM_SESSION_REST_H
#define TM_SESSION_REST_H

#include "session/attach.h"
#include "target/stop.h"

/*
 * Stop the target with the lock of its tables free; it stands still then.
 * What earlier tries have stopped it for is added to *paused_ns.
 */
bool tm_stop_at_rest(struct tm_session *session, struct tm_stop *ret,
		     uint64_t *paused_ns, struct tm_err *err) TM_MUST_CHECK;

/* The scalars of this instant, from memory that does not change. False, too,
 * when nothing is traced. */
bool tm_take_meta(const struct tm_session *session, struct tm_mem *mem,
		  struct tm_meta *ret, struct tm_err *err) TM_MUST_CHECK;

/* TM_ERR_NOT_TRACED in words. Returns false. */
bool tm_not_traced(const struct tm_session *session, enum py_state state,
		   struct tm_err *err);

void tm_sleep_ns(uint64_t ns);

#endif
