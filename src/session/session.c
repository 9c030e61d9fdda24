#include "tmattach/session.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "session/action.h"
#include "session/attach.h"
#include "session/sample.h"
#include "tmattach/source_lines.h"

struct tm_session *tm_session_open(pid_t pid, const struct tm_session_opts *opts,
				   struct tm_err *err)
{
	struct tm_session *session = tm_calloc(1, sizeof(*session));

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

const struct tm_source_lines *tm_session_source_lines(struct tm_session *session)
{
	if (!session->source_lines)
		session->source_lines = tm_source_lines_create(session->process.pid);
	return session->source_lines;
}

/* ---- what stops the target ------------------------------------------------ */

struct act {
	struct tm_session *session;
	struct tm_err *err;
	struct tm_snapshot *snapshot;
	bool ok;
};

static void run_sample(void *ctx)
{
	struct act *act = ctx;

	act->snapshot = tm_sample(act->session, act->err);
}

struct tm_snapshot *tm_session_sample(struct tm_session *session,
				      struct tm_err *err)
{
	struct act act = { .session = session, .err = err };

	return tm_act(run_sample, &act, err) ? act.snapshot : NULL;
}

static void run_reset_peak(void *ctx)
{
	struct act *act = ctx;

	act->ok = tm_reset_peak(act->session, act->err);
}

bool tm_session_reset_peak(struct tm_session *session, struct tm_err *err)
{
	struct act act = { .session = session, .err = err };

	return tm_act(run_reset_peak, &act, err) && act.ok;
}
