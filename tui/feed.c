#include "feed.h"

static void *open_session(void *ctx, size_t i, const struct tm_session_opts *opts,
			  struct tm_err *err)
{
	const pid_t *pids = ctx;

	return tm_session_open(pids[i], opts, err);
}

static void close_session(void *target)
{
	tm_session_close(target);
}

static pid_t session_pid(void *target)
{
	return tm_session_pid(target);
}

static const char *session_command(void *target)
{
	return tm_session_command(target);
}

static bool session_status(void *target, struct tm_status *ret,
			   struct tm_err *err)
{
	return tm_session_status(target, ret, err);
}

static struct tm_snapshot *session_sample(void *target, struct tm_err *err)
{
	return tm_session_sample(target, err);
}

static bool session_reset_peak(void *target, struct tm_err *err)
{
	return tm_session_reset_peak(target, err);
}

static const struct feed_ops session_ops = {
	.open = open_session,
	.close = close_session,
	.pid = session_pid,
	.command = session_command,
	.status = session_status,
	.sample = session_sample,
	.reset_peak = session_reset_peak,
};

struct feed feed_of_sessions(const pid_t *pids)
{
	return (struct feed){ &session_ops, (void *)pids };
}
