#include "tmattach/control.h"

#include "base/clock.h"
#include "control/control.h"
#include "session/action.h"
#include "session/backend.h"
#include "session/meta.h"
#include "session/rest.h"
#include "session/sample.h"
#include "session/where.h"

enum { DEFAULT_TIMEOUT_MS = 5000 };

static bool read_state(struct tm_session *session, struct py_status *ret,
		       struct tm_err *err)
{
	if (!py_status_read(session->mem, &session->runtime, ret, err))
		return tm_attach_explain(session, err);
	if (ret->state == PY_FINALIZED)
		return tm_not_traced(session, ret->state, err);
	return true;
}

struct acting {
	struct control_target target;
	struct control_call call;
};

static struct acting act(const struct tm_session *session, const struct control_call *what,
			 unsigned timeout_ms)
{
	struct acting acting = {
		.target = {
			.process = &session->process,
			.mem = session->mem,
			.runtime = &session->runtime,
			.insn = session->syscall_insn,
		},
		.call = *what,
	};

	acting.call.give_up = tm_act_interrupted;
	acting.call.timeout_ms = timeout_ms ? timeout_ms : DEFAULT_TIMEOUT_MS;
	acting.call.deadline_ns = tm_now_ns() + acting.call.timeout_ms * 1000000ull;
	return acting;
}

static bool do_call(struct tm_session *session, const struct acting *acting,
		    struct tm_err *err)
{
	bool left = false, ok;

	ok = control_do(&acting->target, &acting->call, &left, err) ||
	     tm_attach_explain(session, err);
	if (left)
		tm_session_note(session, "the thread that did it has not ended yet; "
				"its stack (1 MiB of address space) stays");
	return ok;
}

/* The state as nobody but the program will change it now, before anything is
 * done; an ended interpreter is an error. */
static bool settled_state(struct tm_session *session, const struct acting *acting,
			  struct py_status *ret, struct tm_err *err)
{
	return (control_settle(&acting->target, &acting->call, err) ||
		tm_attach_explain(session, err)) && read_state(session, ret, err);
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

static bool cpython_start(struct tm_session *session, uint32_t nframe,
			  unsigned timeout_ms, struct tm_control *ret,
			  struct tm_err *err)
{
	const struct control_call call = {
		.method = "start", .has_arg = true, .arg = (int32_t)nframe,
		.alone = session->runtime.layout->subinterpreters_hang,
	};
	const struct acting acting = act(session, &call, timeout_ms);
	struct py_status status;

	if (!settled_state(session, &acting, &status, err))
		return false;
	*ret = (struct tm_control){ .traceback_limit = status.max_nframe };
	if (status.state == PY_TRACING)
		return true;
	return do_call(session, &acting, err) &&
	       check_state(session, PY_TRACING, ret, err);
}

static bool cpython_stop(struct tm_session *session, unsigned timeout_ms,
			 struct tm_control *ret, struct tm_err *err)
{
	const struct control_call call = { .method = "stop" };
	const struct acting acting = act(session, &call, timeout_ms);
	struct py_status status;

	if (!settled_state(session, &acting, &status, err))
		return false;
	*ret = (struct tm_control){ .traceback_limit = status.max_nframe };
	if (status.state != PY_TRACING)
		return true;
	return do_call(session, &acting, err) &&
	       check_state(session, PY_NOT_TRACING, ret, err);
}

static bool cpython_clear(struct tm_session *session, unsigned timeout_ms,
			  struct tm_err *err)
{
	const struct control_call call = { .method = "clear_traces" };
	const struct acting acting = act(session, &call, timeout_ms);
	struct py_status status;

	if (!settled_state(session, &acting, &status, err))
		return false;
	if (status.state != PY_TRACING)
		return tm_not_traced(session, status.state, err);
	return do_call(session, &acting, err);
}

static bool cpython_status(struct tm_session *session, struct tm_status *ret,
			   struct tm_err *err)
{
	return tm_status_read(session->mem, &session->runtime, ret, err) ||
	       tm_attach_explain(session, err);
}

const struct tm_backend tm_backend_cpython = {
	.status = cpython_status,
	.sample = tm_sample,
	.reset_peak = tm_reset_peak,
	.start = cpython_start,
	.stop = cpython_stop,
	.clear = cpython_clear,
	.where = tm_where,
};
