#include "session/attach.h"
#include "session/backend.h"

bool tm_session_status(struct tm_session *session, struct tm_status *ret,
		       struct tm_err *err)
{
	if (!tm_process_check(&session->process, err))
		return false;
	if (!session->backend->status(session, ret, err))
		return false;
	ret->rss = tm_process_rss(session->process.pid);
	return true;
}
