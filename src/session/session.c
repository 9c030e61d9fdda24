#include "tmattach/session.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "session/action.h"
#include "session/attach.h"
#include "session/backend.h"
#include "tmattach/source_lines.h"

struct tm_session *tm_session_open(pid_t pid, const struct tm_session_opts *opts,
				   struct tm_err *err)
{
	return tm_session_open_held(pid, 0, opts, err);
}

struct tm_session *tm_session_open_held(pid_t pid, pid_t held,
					const struct tm_session_opts *opts,
					struct tm_err *err)
{
	struct tm_session *session = tm_calloc(1, sizeof(*session));

	session->process.held = held;
	if (opts)
		session->opts = *opts;
	if (tm_attach(session, pid, err))
		return session;
	tm_session_close(session);
	return NULL;
}

void tm_session_close(struct tm_session *session)
{
	if (!session)
		return;
	tm_detach(session);
	tm_source_lines_destroy(session->source_lines);
	free(session);
}

pid_t tm_session_pid(const struct tm_session *session)
{
	return session->process.pid;
}

const char *tm_session_command(const struct tm_session *session)
{
	return session->process.command;
}

bool tm_session_replaced(const struct tm_session *session)
{
	return tm_process_replaced(&session->process);
}

const struct tm_source_lines *tm_session_source_lines(struct tm_session *session)
{
	if (!session->source_lines)
		session->source_lines = tm_source_lines_create(session->process.pid);
	return session->source_lines;
}

/* ---- what stops the target ------------------------------------------------ */

/* One call of the backend, on a thread of its own. */
struct act {
	struct tm_session *session;
	struct tm_err *err;
	uint32_t nframe;
	unsigned timeout_ms;
	uint64_t address;
	struct tm_control *control;
	struct tm_snapshot *snapshot;
	bool ok;
};

static void run_sample(void *ctx)
{
	struct act *act = ctx;

	act->snapshot = act->session->backend->sample(act->session, act->err);
}

struct tm_snapshot *tm_session_sample(struct tm_session *session,
				      struct tm_err *err)
{
	struct act act = { .session = session, .err = err };

	return tm_act(run_sample, &act, &session->opts, err) ? act.snapshot : NULL;
}

static void run_reset_peak(void *ctx)
{
	struct act *act = ctx;

	act->ok = act->session->backend->reset_peak(act->session, act->err);
}

bool tm_session_reset_peak(struct tm_session *session, struct tm_err *err)
{
	struct act act = { .session = session, .err = err };

	return tm_act(run_reset_peak, &act, &session->opts, err) && act.ok;
}

static void run_start(void *ctx)
{
	struct act *act = ctx;

	act->ok = act->session->backend->start(act->session, act->nframe,
					       act->timeout_ms, act->control,
					       act->err);
}

bool tm_session_start_tracing(struct tm_session *session, uint32_t nframe,
			      unsigned timeout_ms, struct tm_control *ret,
			      struct tm_err *err)
{
	struct act act = { .session = session, .err = err, .nframe = nframe,
			   .timeout_ms = timeout_ms, .control = ret };

	if (nframe < 1 || nframe > TM_NFRAME_MAX)
		return tm_err_set(err, TM_ERR_USAGE, session->process.object,
				  "the number of frames must be from 1 to %d",
				  TM_NFRAME_MAX);
	return tm_act(run_start, &act, &session->opts, err) && act.ok;
}

static void run_stop(void *ctx)
{
	struct act *act = ctx;

	act->ok = act->session->backend->stop(act->session, act->timeout_ms,
					      act->control, act->err);
}

bool tm_session_stop_tracing(struct tm_session *session, unsigned timeout_ms,
			     struct tm_control *ret, struct tm_err *err)
{
	struct act act = { .session = session, .err = err,
			   .timeout_ms = timeout_ms, .control = ret };

	return tm_act(run_stop, &act, &session->opts, err) && act.ok;
}

static void run_clear(void *ctx)
{
	struct act *act = ctx;

	act->ok = act->session->backend->clear(act->session, act->timeout_ms,
					       act->err);
}

bool tm_session_clear_traces(struct tm_session *session, unsigned timeout_ms,
			     struct tm_err *err)
{
	struct act act = { .session = session, .err = err,
			   .timeout_ms = timeout_ms };

	return tm_act(run_clear, &act, &session->opts, err) && act.ok;
}

static void run_where(void *ctx)
{
	struct act *act = ctx;

	act->snapshot = act->session->backend->where(act->session, act->address,
						     act->err);
}

struct tm_snapshot *tm_session_where(struct tm_session *session, uint64_t address,
				     struct tm_err *err)
{
	struct act act = { .session = session, .err = err, .address = address };

	return tm_act(run_where, &act, &session->opts, err) ? act.snapshot : NULL;
}
