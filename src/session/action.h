/* A thread for each act that stops the target. Private to src/session. */
#ifndef TM_SESSION_ACTION_H
#define TM_SESSION_ACTION_H

#include "session/subject.h"

/*
 * run(ctx) on a thread of its own, waited for: when it ends, the kernel
 * detaches whatever is still attached, so that no path can leave a thread of
 * the target stopped. It has all signals blocked; and the caller's SIGINT,
 * SIGTERM, SIGHUP, SIGQUIT and SIGTSTP wait until the target is as it was.
 * Within an act, for a core, and for a process that the caller holds (ptrace
 * wants its thread), it runs here and now. False only if there is no thread to be had.
 */
bool tm_act(const struct tm_session *session, void (*run)(void *ctx), void *ctx,
	    struct tm_err *err) TM_MUST_CHECK;

/* Within an act: is a signal waiting that asks us to end, or does the caller
 * want to stop? Long reads and waits give up then. */
bool tm_act_interrupted(void);

#endif
