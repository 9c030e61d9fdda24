#include "feed.h"

#include "xalloc.h"

static pid_t another_process(void *ctx, size_t i)
{
	struct feed_processes *all = ctx;
	pid_t pid = all->another ? all->another(all->another_ctx) : 0;

	if (!pid)
		return 0;
	if (i >= all->n) {
		all->pids = xreallocarray(all->pids, i + 1, sizeof(*all->pids));
		all->n = i + 1;
	}
	all->pids[i] = pid;
	return pid;
}

static void *open_session(void *ctx, size_t i, const struct tm_session_opts *opts,
			  struct tm_err *err)
{
	const struct feed_processes *all = ctx;

	return tm_session_open(all->pids[i], opts, err);
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

static bool session_replaced(void *target)
{
	return tm_session_replaced(target);
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

static bool session_control(void *target, enum request request, uint32_t nframe,
			    struct tm_control *ret, struct tm_err *err)
{
	switch (request) {
	case REQUEST_RESET_PEAK:
		return tm_session_reset_peak(target, err);
	case REQUEST_START:
		return tm_session_start_tracing(target, nframe, 0, ret, err);
	case REQUEST_CLEAR:
		return tm_session_clear_traces(target, 0, err);
	case REQUEST_STOP:
		return tm_session_stop_tracing(target, 0, ret, err);
	case REQUEST_RECORD:
	case REQUEST_THREADS:
	case REQUEST_COUNT:
		break;
	}
	return tm_err_set(err, TM_ERR_USAGE, "live view", "no such request");
}

static void *open_reader(void *ctx, size_t i, struct tm_err *err)
{
	const struct feed_processes *all = ctx;

	return tm_thread_reader_open(all->pids[i], err);
}

static void close_reader(void *reader)
{
	tm_thread_reader_close(reader);
}

static struct tm_threads *read_threads(void *reader, struct tm_err *err)
{
	return tm_threads_sample(reader, err);
}

static const struct feed_ops session_ops = {
	.another = another_process,
	.open = open_session,
	.close = close_session,
	.pid = session_pid,
	.command = session_command,
	.replaced = session_replaced,
	.status = session_status,
	.sample = session_sample,
	.control = session_control,
	.open_threads = open_reader,
	.close_threads = close_reader,
	.threads = read_threads,
};

struct feed feed_of_sessions(struct feed_processes *processes)
{
	return (struct feed){ &session_ops, processes };
}
