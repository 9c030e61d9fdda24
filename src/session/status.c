#include <stdio.h>

#include "base/guard.h"
#include "session/tracer.h"

bool tm_session_status(struct tm_session *session, struct tm_status *ret,
		       struct tm_err *err)
{
	const struct tm_backend *backend;

	if (!tm_subject_check(session, err))
		return false;
	backend = tm_tracer(session, err);
	if (!backend || !backend->status(session, ret, err))
		return false;
	if (!session->core)
		ret->rss = tm_process_rss(session->process.pid);
	return true;
}

bool tm_unsupported_status(pid_t pid, struct tm_status *ret)
{
	TM_GUARD(tm_subject_close) struct tm_session session = { 0 };
	struct tm_err err;

	if (!tm_subject_open(&session, pid, 0, &err) ||
	    (!tm_subject_python(&session, &err) && !session.runtime.name[0]))
		return false;
	*ret = (struct tm_status){ .rss = tm_process_rss(pid) };
	snprintf(ret->runtime, sizeof(ret->runtime), "%s", session.runtime.name);
	return true;
}
