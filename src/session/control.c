#include "tmattach/control.h"

#include "control/control.h"
#include "session/action.h"
#include "session/control.h"
#include "session/rest.h"

enum { DEFAULT_TIMEOUT_MS = 5000 };

struct act {
	struct tm_session *session;
	struct control_call call;
	struct tm_err *err;
	bool ok;
	uint64_t address;
	struct tm_snapshot *snapshot;
};

static void run_call(void *ctx)
{
	struct act *act = ctx;
	const struct tm_session *session = act->session;
	const struct control_target target = {
		.process = &session->process,
		.mem = session->mem,
		.runtime = &session->runtime,
		.insn = session->syscall_insn,
	};
	bool left = false;

	act->ok = control_do(&target, &act->call, &left, act->err) ||
		  tm_attach_explain(session, act->err);
	if (left)
		tm_session_note(session, "the thread that did it has not ended yet; "
				"its stack (1 MiB of address space) stays");
}

static bool do_call(struct tm_session *session, const struct control_call *call,
		    unsigned timeout_ms, struct tm_err *err)
{
	struct act act = { .session = session, .call = *call, .err = err };

	act.call.timeout_ms = timeout_ms ? timeout_ms : DEFAULT_TIMEOUT_MS;
	return tm_act(run_call, &act, err) && act.ok;
}

/* The state before anything is done; an ended interpreter is an error. */
static bool read_state(struct tm_session *session, struct py_status *ret,
		       struct tm_err *err)
{
	if (!py_status_read(session->mem, &session->runtime, ret, err))
		return tm_attach_explain(session, err);
	if (ret->state == PY_FINALIZED)
		return tm_not_traced(session, ret->state, err);
	return true;
}

/* What the call was for has come true: say so from the target itself. */
static bool check_state(struct tm_session *session, enum py_state expected,
			struct tm_control *ret, struct tm_err *err)
{
	struct py_status status;

	if (!read_state(session, &status, err))
		return false;
	if (status.state != expected)
		return tm_err_set(err, TM_ERR_BUSY, session->process.object,
				  "tracing was switched %s again at the same time by the program itself",
				  expected == PY_TRACING ? "off" : "on");
	ret->changed = true;
	ret->traceback_limit = status.max_nframe;
	return true;
}

bool tm_session_start_tracing(struct tm_session *session, uint32_t nframe,
			      unsigned timeout_ms, struct tm_control *ret,
			      struct tm_err *err)
{
	const struct control_call call = {
		.method = "start", .has_arg = true, .arg = (int32_t)nframe,
		.alone = session->runtime.layout->subinterpreters_hang,
	};
	struct py_status status;

	if (nframe < 1 || nframe > TM_NFRAME_MAX)
		return tm_err_set(err, TM_ERR_USAGE, session->process.object,
				  "the number of frames must be from 1 to %d",
				  TM_NFRAME_MAX);
	if (!read_state(session, &status, err))
		return false;
	*ret = (struct tm_control){ .traceback_limit = status.max_nframe };
	if (status.state == PY_TRACING)
		return true;
	return do_call(session, &call, timeout_ms, err) &&
	       check_state(session, PY_TRACING, ret, err);
}

bool tm_session_stop_tracing(struct tm_session *session, unsigned timeout_ms,
			     struct tm_control *ret, struct tm_err *err)
{
	const struct control_call call = { .method = "stop" };
	struct py_status status;

	if (!read_state(session, &status, err))
		return false;
	*ret = (struct tm_control){ .traceback_limit = status.max_nframe };
	if (status.state != PY_TRACING)
		return true;
	return do_call(session, &call, timeout_ms, err) &&
	       check_state(session, PY_NOT_TRACING, ret, err);
}

bool tm_session_clear_traces(struct tm_session *session, unsigned timeout_ms,
			     struct tm_err *err)
{
	const struct control_call call = { .method = "clear_traces" };
	struct py_status status;

	if (!read_state(session, &status, err))
		return false;
	if (status.state != PY_TRACING)
		return tm_not_traced(session, status.state, err);
	return do_call(session, &call, timeout_ms, err);
}

static void run_where(void *ctx)
{
	struct act *act = ctx;

	act->snapshot = tm_where(act->session, act->address, act->err);
}

struct tm_snapshot *tm_session_where(struct tm_session *session, uint64_t address,
				     struct tm_err *err)
{
	struct act act = { .session = session, .address = address, .err = err };

	return tm_act(run_where, &act, err) ? act.snapshot : NULL;
}
