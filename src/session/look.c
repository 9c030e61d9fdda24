#include "session/look.h"

#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/guard.h"
#include "base/log.h"
#include "remote/freeze.h"
#include "session/action.h"
#include "session/reap.h"
#include "target/headroom.h"

enum { BUSY_TIMEOUT_MS = 10000 }; /* in-process snapshots hold the lock for seconds */

/* One look on its way. */
struct looking {
	struct tm_session *session;
	struct tm_look *look;
	struct tm_stop held;
	struct tm_copy copy;
	struct tm_err *err;
	bool ok;
};

bool tm_look_goes_on(const struct tm_instant *instant)
{
	if (instant->stop)
		tm_stop_poll(instant->stop);
	return !tm_act_interrupted();
}

/* ---- stop and let go -------------------------------------------------------------- */

static bool stop(struct looking *now, struct tm_err *err)
{
	return tm_stop_all(&now->session->process, TM_STOP_DEADLINE_MS, &now->held, err);
}

static void let_go(struct looking *now)
{
	now->look->paused_ns += tm_stop_release(&now->held);
}

static void let_go_for_good(struct looking *now)
{
	let_go(now);
	tm_stop_guard(&now->held);
}

static bool busy(const struct tm_session *session, uint64_t ms,
		 struct tm_err *err)
{
	tm_err_set(err, TM_ERR_BUSY, session->object,
		   "its trace table was being changed at every instant tried within %"
		   PRIu64 " ms", ms);
	return tm_err_hint(err, "try again; a process that was stopped or forked in the "
				"middle of a change remains in that state");
}

static bool stop_at_rest(struct looking *now, struct tm_err *err)
{
	struct tm_session *session = now->session;
	uint64_t timeout_ms = session->opts.busy_timeout_ms
		? session->opts.busy_timeout_ms : BUSY_TIMEOUT_MS;
	uint64_t deadline = tm_now_ns() + timeout_ms * TM_NS_PER_MS;
	uint64_t wait_ns = TM_NS_PER_MS / 10;

	for (;;) {
		bool rest = false;

		if (!stop(now, err))
			return false;
		if (!now->look->at_rest ||
		    (now->look->at_rest(session, &rest, err) && rest))
			return true;
		let_go_for_good(now);
		if (tm_act_interrupted())
			return tm_err_os(err, EINTR, session->object, "given up");
		if (tm_now_ns() >= deadline)
			return busy(session, timeout_ms, err);
		tm_sleep_ns(wait_ns);
		if (wait_ns < 10 * TM_NS_PER_MS)
			wait_ns *= 2;
	}
}

/* What has to be checked before anything is read. */
static bool ask_stopped(struct looking *now, bool held, struct tm_err *err)
{
	struct tm_session *session = now->session;
	struct tm_look *look = now->look;
	const struct tm_instant instant = {
		.mem = session->mem, .pid = session->process.pid, .held = held,
		.stop = held ? &now->held : NULL,
	};

	return (!look->maps || tm_subject_refresh(session, err)) &&
	       (!look->stopped || look->stopped(look->ctx, &instant, err));
}

static bool take_hold(struct looking *now, struct tm_err *err)
{
	return stop_at_rest(now, err) && ask_stopped(now, true, err);
}

/* ---- the ways to read --------------------------------------------------------- */

static bool read_from(struct looking *now, struct tm_mem *mem, pid_t pid, bool held,
		      struct tm_err *err)
{
	const struct tm_instant instant = {
		.mem = mem, .pid = pid, .held = held,
		.stop = now->held.process ? &now->held : NULL,
	};

	return now->look->read(now->look->ctx, &instant, err);
}

static bool read_held(struct looking *now, struct tm_err *err)
{
	struct tm_session *session = now->session;
	bool ok;

	tm_log("%s: read while it is stopped", session->object);
	ok = read_from(now, session->mem, session->process.pid, true, err);
	let_go(now);
	return ok;
}

static bool read_copy(struct looking *now, struct tm_err *err)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *mem = NULL;
	bool ok;

	let_go(now);
	tm_log("%s: read from a copy, pid %d", now->session->object, (int)now->copy.pid);
	tm_freeze_name(&now->copy);
	mem = tm_mem_proc(now->copy.pid, err);
	ok = mem && read_from(now, mem, now->copy.pid, false, err);
	tm_freeze_kill(&now->copy);
	tm_stop_guard(&now->held);
	now->look->paused_ns += tm_reap(now->session);
	return ok;
}

/* ---- a copy, or not ------------------------------------------------------------- */

/*
 * A copy pauses for the page tables of the target's private memory, reading
 * while stopped pauses for the trace tables. Both figures are in the reference
 * measurements: about 12 ms a GiB, and about 1.5 GB/s.
 */
static bool copy_is_cheaper(uint64_t private_bytes, uint64_t table)
{
	return 500000 + private_bytes / 1024 * 12 < table * 2;
}

/* Before the stop: the figures may be a little old, but cost no pause. */
static bool copy_pays(struct tm_session *session, uint64_t to_read)
{
	enum { PTES = 512 }; /* a huge page is one entry instead of this many */
	pid_t pid = session->process.pid;
	uint64_t kilobytes = 0, bytes;

	if (session->opts.freeze != TM_FREEZE_AUTO)
		return session->opts.freeze == TM_FREEZE_FORCE;
	if (!tm_process_status_u64(pid, pid, "RssAnon", 10, &kilobytes))
		return true;
	bytes = kilobytes * 1024;
	if (copy_is_cheaper(bytes, to_read) || !copy_is_cheaper(bytes / PTES, to_read))
		return copy_is_cheaper(bytes, to_read);
	if (!session->huge_known)
		session->huge = tm_process_huge(pid);
	session->huge_known = true;
	if (session->huge < bytes)
		bytes -= session->huge - session->huge / PTES;
	return copy_is_cheaper(bytes, to_read);
}

/*
 * While the copy exists, what the target writes exists twice. It should not
 * run into the limit of its cgroup because of that: the OOM killer is offered the
 * copy, but takes the target where the copy is just ending.
 */
static bool copy_fits(const struct tm_session *session)
{
	pid_t pid = session->process.pid;
	uint64_t kilobytes = 0;

	return !tm_process_status_u64(pid, pid, "RssAnon", 10, &kilobytes) ||
	       tm_process_headroom(pid) / 1024 >= kilobytes;
}

/* Said only once for the same target. */
static void no_copy(struct looking *now, const char *what, const char *cause)
{
	if (!now->look->told)
		tm_subject_note(now->session, "read without a copy: %s%s", what, cause);
	now->look->told = true;
}

/* *ret: will a copy be made? False if a copy is required but would take too much. */
static bool choose_copy(struct looking *now, bool *ret, struct tm_err *err)
{
	struct tm_session *session = now->session;

	*ret = now->look->how == TM_LOOK_ANY && copy_pays(session, now->look->bytes);
	if (!*ret)
		return true;
	if (copy_fits(session))
		return tm_subject_insn(session, err);
	*ret = false;
	if (session->opts.freeze == TM_FREEZE_FORCE) {
		tm_err_set(err, TM_ERR_LIMIT, session->object,
			   "its cgroup has no memory left for a copy");
		return tm_err_hint(err, "--no-fork needs none");
	}
	no_copy(now, "its cgroup has no memory left for one", "");
	return true;
}

/* Try the copy, fall back to reading while stopped. */
static bool read_any(struct looking *now, bool wants_copy, struct tm_err *err)
{
	struct tm_session *session = now->session;
	const bool forced = session->opts.freeze == TM_FREEZE_FORCE;

	if (!wants_copy)
		return read_held(now, err);
	if (!tm_freeze_copy(&now->held, session->syscall_insn, &now->copy, err)) {
		tm_freeze_kill(&now->copy);
		if (forced || err->kind == TM_ERR_GONE)
			return false;
		no_copy(now, "", err->cause);
		return read_held(now, err);
	}
	if (read_copy(now, err))
		return true;
	if (forced || (err->kind != TM_ERR_CORRUPT && err->kind != TM_ERR_FAULT &&
		       err->sys_errno != ESRCH))
		return false;
	/* Memory that is not copied to children (MADV_DONTFORK)? Or the kernel
	 * was short of memory and killed the copy. */
	no_copy(now, "the copy is unusable: ", err->cause);
	return take_hold(now, err) && read_held(now, err);
}

static bool look_stopped(struct looking *now, struct tm_err *err)
{
	bool copy, ok;

	if (now->look->how == TM_LOOK_ANY)
		now->look->paused_ns += tm_reap_stale(now->session);
	ok = choose_copy(now, &copy, err) && take_hold(now, err) &&
	     read_any(now, copy, err);
	let_go_for_good(now);
	return ok;
}

static bool look_running(struct looking *now, struct tm_err *err)
{
	struct tm_session *session = now->session;

	return ask_stopped(now, false, err) &&
	       read_from(now, session->mem, session->process.pid, false, err);
}

static void run(void *ctx)
{
	struct looking *now = ctx;

	if (now->session->core)
		now->ok = read_from(now, now->session->mem, 0, false, now->err);
	else if (now->look->how == TM_LOOK_RUNNING)
		now->ok = look_running(now, now->err);
	else
		now->ok = look_stopped(now, now->err);
}

bool tm_look_at(struct tm_session *session, struct tm_look *look, struct tm_err *err)
{
	struct looking now = { .session = session, .look = look, .err = err };

	return tm_act(session, run, &now, err) && now.ok;
}
