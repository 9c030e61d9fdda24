#include <stdio.h>

#include "session/attach.h"

static enum tm_tracing tracing_of(enum py_state state)
{
	switch (state) {
	case PY_TRACING:
		return TM_TRACING_ON;
	case PY_FINALIZED:
		return TM_TRACING_FINALIZED;
	case PY_NOT_TRACING:
		break;
	}
	return TM_TRACING_OFF;
}

/* The count of the default-domain table; it may be changing: then 0. */
static uint64_t count_traces(const struct tm_session *session)
{
	struct py_table table;
	struct tm_err err;
	tm_addr at;

	if (!tm_mem_u64(session->mem, session->runtime.roots.traces, &at, &err) ||
	    !py_table_read(session->mem, session->runtime.layout, at, &table, &err))
		return 0;
	return table.nentries;
}

bool tm_session_status(struct tm_session *session, struct tm_status *ret,
		       struct tm_err *err)
{
	struct py_status status;

	if (!tm_process_check(&session->process, err))
		return false;
	if (!py_status_read(session->mem, &session->runtime, &status, err))
		return tm_attach_explain(session, err);
	*ret = (struct tm_status){
		.kind = TM_RUNTIME_CPYTHON,
		.tracing = tracing_of(status.state),
		.traceback_limit = status.max_nframe,
		.traced_current = status.traced,
		.traced_peak = status.peak,
		.rss = tm_process_rss(session->process.pid),
	};
	if (ret->tracing == TM_TRACING_ON)
		ret->ntraces = count_traces(session);
	snprintf(ret->runtime, sizeof(ret->runtime), "%s", session->runtime.name);
	return true;
}
