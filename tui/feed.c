#include "feed.h"

#include "base/alloc.h"

static pid_t another_process(void *ctx, size_t i)
{
	struct feed_processes *all = ctx;
	pid_t pid = all->another ? all->another(all->another_ctx) : 0;

	if (!pid)
		return 0;
	if (i >= all->n) {
		all->pids = tm_reallocarray(all->pids, i + 1, sizeof(*all->pids));
		all->n = i + 1;
	}
	all->pids[i] = pid;
	return pid;
}

static struct tm_session *open_session(void *ctx, size_t i,
				       const struct tm_session_opts *opts,
				       struct tm_err *err)
{
	const struct feed_processes *all = ctx;

	return tm_session_open(all->pids[i], opts, err);
}

static bool ask(struct tm_session *target, enum request request, uint32_t nframe,
		struct answer *ret, struct tm_err *err)
{
	return asks[request].run(target, nframe, ret, err);
}

static const struct feed_ops session_ops = {
	.another = another_process,
	.open = open_session,
	.close = tm_session_close,
	.pid = tm_session_pid,
	.command = tm_session_command,
	.replaced = tm_session_replaced,
	.status = tm_session_status,
	.sample = tm_session_take_member,
	.ask = ask,
};

struct feed feed_of_sessions(struct feed_processes *processes)
{
	return (struct feed){ &session_ops, processes };
}
