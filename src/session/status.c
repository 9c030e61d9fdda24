#include "session/attach.h"
#include "session/meta.h"

bool tm_session_status(struct tm_session *session, struct tm_status *ret,
		       struct tm_err *err)
{
	if (!tm_process_check(&session->process, err))
		return false;
	if (!tm_status_read(session->mem, &session->runtime, ret, err))
		return tm_attach_explain(session, err);
	ret->rss = tm_process_rss(session->process.pid);
	return true;
}
