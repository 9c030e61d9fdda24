#include "session/tracer.h"

#include <errno.h>

#include "base/clock.h"
#include "base/guard.h"
#include "control/contexts.h"
#include "control/control.h"
#include "mem/poke.h"
#include "session/action.h"
#include "session/look.h"
#include "session/meta.h"
#include "session/traces.h"

enum { DEFAULT_TIMEOUT_MS = 5000 };

static bool read_state(struct tm_session *session, struct py_status *ret,
		       struct tm_err *err)
{
	if (!py_status_read(session->mem, &session->runtime, ret, err))
		return tm_subject_explain(session, err);
	if (ret->state == PY_FINALIZED)
		return tm_not_traced(session, ret->state, err);
	return true;
}

struct acting {
	struct control_target target;
	struct control_call call;
};

static bool prepare(struct tm_session *session, const struct control_call *what,
		    unsigned timeout_ms, struct acting *ret, struct tm_err *err)
{
	if (!tm_subject_insn(session, err))
		return tm_subject_explain(session, err);
	*ret = (struct acting){
		.target = {
			.process = &session->process,
			.mem = session->mem,
			.runtime = &session->runtime,
			.insn = session->syscall_insn,
		},
		.call = *what,
	};
	ret->call.give_up = tm_act_interrupted;
	ret->call.timeout_ms = timeout_ms ? timeout_ms : DEFAULT_TIMEOUT_MS;
	ret->call.deadline_ns = tm_now_ns() + ret->call.timeout_ms * TM_NS_PER_MS;
	return true;
}

static bool do_call(struct tm_session *session, const struct acting *acting,
		    struct control_done *ret, struct tm_err *err)
{
	bool ok = control_do(&acting->target, &acting->call, ret, err) ||
		  tm_subject_explain(session, err);

	if (ret->left)
		tm_subject_note(session, "the thread that did it has not ended yet; "
				"its stack (1 MiB of address space) stays");
	return ok;
}

/* Which other interpreters keep this version's tracemalloc from being asked to... */
static uint32_t start_refusal(const struct py_layout *layout)
{
	/* A program that creates them creates more: the next one would crash it. */
	switch (layout->company) {
	case PY_COMPANY_HANGS:
		return CONTROL_REFUSE_OTHERS | CONTROL_REFUSE_ENDED;
	case PY_COMPANY_DIES_ANEW:
		return CONTROL_REFUSE_ENDED;
	case PY_COMPANY_FINE: case PY_COMPANY_DIES: case PY_COMPANY_DIES_LATER: default:
		return 0;
	}
}

static uint32_t stop_refusal(const struct py_layout *layout)
{
	switch (layout->company) {
	case PY_COMPANY_DIES:
		return CONTROL_REFUSE_OWN | CONTROL_REFUSE_ENDED;
	case PY_COMPANY_DIES_LATER: case PY_COMPANY_DIES_ANEW:
		return CONTROL_REFUSE_ENDED;
	case PY_COMPANY_FINE: case PY_COMPANY_HANGS: default:
		return 0;
	}
}

/* What can be started but not stopped is said at the start. */
static void warn_of_company(struct tm_session *session, const struct control_done *done)
{
	enum py_company company = session->runtime.layout->company;

	if (company == PY_COMPANY_DIES && (done->own || done->ended))
		tm_subject_note(session, "this cannot be undone: it has or had subinterpreters "
				"with allocators of their own, and %s then crashes on stop and "
				"clear; it may abort at its end", session->runtime.name);
	else if ((company == PY_COMPANY_DIES_LATER || company == PY_COMPANY_DIES_ANEW) &&
		 (done->alive > 1 || done->ended))
		tm_subject_note(session, "this cannot be undone when a subinterpreter with an "
				"allocator of its own has ended: %s then crashes on stop and "
				"clear, or on tracing itself", session->runtime.name);
}

/* The state, which only the program can change now, before anything is done; an
 * ended interpreter is an error. */
static bool settled_state(struct tm_session *session, const struct acting *acting,
			  struct py_status *ret, struct tm_err *err)
{
	return (control_settle(&acting->target, &acting->call, err) ||
		tm_subject_explain(session, err)) && read_state(session, ret, err);
}

static bool contexts_ready(struct tm_session *session, const struct acting *acting,
			   struct tm_err *err)
{
	return control_contexts(&acting->target, &session->maps, err) ||
	       tm_subject_explain(session, err);
}

/* The call has had its effect: take the result from the target itself. */
static bool check_state(struct tm_session *session, enum py_state expected,
			struct tm_control_result *ret, struct tm_err *err)
{
	struct py_status status;

	if (!read_state(session, &status, err))
		return false;
	if (status.state != expected)
		return tm_err_set(err, TM_ERR_BUSY, session->object,
				  "tracing was switched %s again at the same time by the program itself",
				  expected == PY_TRACING ? "off" : "on");
	ret->changed = true;
	ret->traceback_limit = status.max_nframe;
	return true;
}

static bool cpython_start(struct tm_session *session, const struct tm_order *order,
			  struct tm_control_result *ret, struct tm_err *err)
{
	const struct control_call call = {
		.method = "start", .has_arg = true, .arg = (int32_t)order->nframe,
		.undo = "stop", .refuse = start_refusal(session->runtime.layout),
	};
	struct acting acting;
	struct control_done done;
	struct py_status status;

	if (!prepare(session, &call, order->timeout_ms, &acting, err) ||
	    !settled_state(session, &acting, &status, err))
		return false;
	*ret = (struct tm_control_result){ .traceback_limit = status.max_nframe };
	if (status.state == PY_TRACING)
		return true;
	if (!contexts_ready(session, &acting, err) ||
	    !do_call(session, &acting, &done, err) ||
	    !check_state(session, PY_TRACING, ret, err))
		return false;
	warn_of_company(session, &done);
	return true;
}

static bool cpython_stop(struct tm_session *session, const struct tm_order *order,
			 struct tm_control_result *ret, struct tm_err *err)
{
	const struct control_call call = {
		.method = "stop", .refuse = stop_refusal(session->runtime.layout),
	};
	struct acting acting;
	struct control_done done;
	struct py_status status;

	if (!prepare(session, &call, order->timeout_ms, &acting, err) ||
	    !settled_state(session, &acting, &status, err))
		return false;
	*ret = (struct tm_control_result){ .traceback_limit = status.max_nframe };
	if (status.state != PY_TRACING)
		return tm_native_recorded(session) || tm_native_tidy(session, err) ||
		       tm_subject_explain(session, err);
	return contexts_ready(session, &acting, err) &&
	       do_call(session, &acting, &done, err) &&
	       check_state(session, PY_NOT_TRACING, ret, err);
}

static bool clear_deadlocks(const struct py_runtime *runtime)
{
	return !runtime->free_threaded &&
	       (runtime->hexversion >> 8 & 0xff) >= runtime->layout->clear_deadlocks_since;
}

static bool cpython_clear(struct tm_session *session, const struct tm_order *order,
			  struct tm_control_result *ret, struct tm_err *err)
{
	const struct control_call call = {
		.method = "clear_traces", .by_restart = clear_deadlocks(&session->runtime),
		.refuse = stop_refusal(session->runtime.layout),
	};
	struct acting acting;
	struct control_done done;
	struct py_status status;

	(void)ret;
	if (!prepare(session, &call, order->timeout_ms, &acting, err) ||
	    !settled_state(session, &acting, &status, err))
		return false;
	if (status.state != PY_TRACING)
		return tm_not_traced(session, status.state, err);
	acting.call.arg = (int32_t)status.max_nframe;
	return do_call(session, &acting, &done, err);
}

/* ---- the peak ------------------------------------------------------------------ */

static bool write_peak(void *ctx, const struct tm_instant *instant, struct tm_err *err)
{
	const struct tm_session *session = ctx;
	struct py_status status;

	if (!py_status_read(instant->mem, &session->runtime, &status, err))
		return false;
	if (status.state != PY_TRACING)
		return tm_not_traced(session, status.state, err);
	if (!tm_stop_keeps_program(instant->stop, err))
		return false;
	return tm_poke_once(instant->pid, tm_stop_any(instant->stop),
			    session->runtime.roots.peak, &status.traced,
			    sizeof(status.traced)) ||
	       tm_process_explain(&session->process, errno, "cannot write its peak", err);
}

static bool cpython_reset_peak(struct tm_session *session, const struct tm_order *order,
			       struct tm_control_result *ret, struct tm_err *err)
{
	struct tm_look look = {
		.how = TM_LOOK_HELD, .at_rest = tm_meta_at_rest,
		.read = write_peak, .ctx = session,
	};

	(void)order;
	(void)ret;
	return tm_look_at(session, &look, err) || tm_subject_explain(session, err);
}

static bool cpython_status(struct tm_session *session, struct tm_status *ret,
			   struct tm_err *err)
{
	return tm_meta_status(session, ret, err) || tm_subject_explain(session, err);
}

const struct tm_backend tm_backend_cpython = {
	.status = cpython_status,
	.traces = tm_traces,
	.where = tm_where,
	.reset_peak = cpython_reset_peak,
	.start = cpython_start,
	.stop = cpython_stop,
	.clear = cpython_clear,
};
