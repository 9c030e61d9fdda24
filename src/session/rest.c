#include "session/rest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "session/action.h"
#include "session/meta.h"

enum {
	BUSY_TIMEOUT_MS = 10000, /* in-process snapshots hold the lock for seconds */
};

void tm_sleep_ns(uint64_t ns)
{
	struct timespec t = { .tv_sec = (time_t)(ns / 1000000000u),
			      .tv_nsec = (long)(ns % 1000000000u) };

	nanosleep(&t, NULL);
}

bool tm_not_traced(const struct tm_session *session, enum py_state state,
		   struct tm_err *err)
{
	if (state == PY_FINALIZED)
		return tm_err_set(err, TM_ERR_NOT_TRACED, session->process.object,
				  "the interpreter is shutting down; tracemalloc has ended");
	tm_err_set(err, TM_ERR_NOT_TRACED, session->process.object,
		   "%s is not tracing memory allocations", session->runtime.name);
	return tm_err_hint(err, "`tmattach start %d' starts it; or run the program with "
				"PYTHONTRACEMALLOC=1 or -X tracemalloc",
			   (int)session->process.pid);
}

static bool busy(const struct tm_session *session, uint64_t ms,
		 struct tm_err *err)
{
	tm_err_set(err, TM_ERR_BUSY, session->process.object,
		   "its trace table was being changed at every instant tried within %"
		   PRIu64 " ms", ms);
	return tm_err_hint(err, "try again; a process that was stopped or forked in the "
				"middle of a change stays so");
}

bool tm_stop_at_rest(struct tm_session *session, struct tm_stop *ret,
		     uint64_t *paused_ns, struct tm_err *err)
{
	uint64_t timeout_ms = session->opts.busy_timeout_ms
		? session->opts.busy_timeout_ms : BUSY_TIMEOUT_MS;
	uint64_t deadline = tm_now_ns() + timeout_ms * 1000000u;
	uint64_t wait_ns = 100000;

	for (;;) {
		bool rest = false;

		if (!tm_stop_all(&session->process, TM_STOP_DEADLINE_MS, ret, err))
			return false;
		if (py_lock_is_free(session->mem, &session->runtime, &rest, err) &&
		    rest)
			return true;
		*paused_ns += tm_stop_release(ret);
		tm_stop_guard(ret);
		if (tm_act_interrupted())
			return tm_err_os(err, EINTR, session->process.object,
					 "given up");
		if (tm_now_ns() >= deadline)
			return busy(session, timeout_ms, err);
		tm_sleep_ns(wait_ns);
		if (wait_ns < 10000000)
			wait_ns *= 2;
	}
}

bool tm_take_meta(const struct tm_session *session, struct tm_mem *mem,
		  struct tm_meta *ret, struct tm_err *err)
{
	enum py_state state;

	if (!tm_meta_read(mem, &session->runtime, ret, &state, err))
		return false;
	if (state != PY_TRACING)
		return tm_not_traced(session, state, err);
	ret->pid = session->process.pid;
	ret->taken_at = tm_wall_clock_ms();
	snprintf(ret->command, sizeof(ret->command), "%s",
		 session->process.command);
	return true;
}
