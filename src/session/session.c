#include "tmattach/source.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "session/action.h"
#include "session/core.h"
#include "session/memory.h"
#include "session/native_ages.h"
#include "session/native_names.h"
#include "session/reap.h"
#include "session/source_lines.h"
#include "session/thread_names.h"
#include "session/tracer.h"

/* ---- open and close ---------------------------------------------------------- */

static struct tm_session *create(const struct tm_session_opts *opts)
{
	struct tm_session *session = tm_calloc(1, sizeof(*session));

	if (opts)
		session->opts = *opts;
	return session;
}

static struct tm_session *opened(struct tm_session *session, bool ok,
				 struct tm_err *err)
{
	if (ok && (session->opts.allow_any || tm_tracer(session, err)))
		return session;
	/* Often a container's pid 1: that it is not Python is of no use to the user. */
	if (!session->core && session->process.pid == getpid())
		tm_process_denied(&session->process, err);
	tm_session_close(session);
	return NULL;
}

/* In the middle of an exec a process is neither its old program nor its new one: it
 * seems gone, but lives. Waits a little; false: it does not, or for too long. */
static bool is_changing(pid_t pid, uint64_t until_ms)
{
	enum { STEP_MS = 2 };

	if (!tm_process_lives(pid) || tm_now_ms() >= until_ms)
		return false;
	tm_sleep_ns(STEP_MS * TM_NS_PER_MS);
	return true;
}

enum { EXEC_MS = 500 };

struct tm_session *tm_session_open(pid_t pid, const struct tm_session_opts *opts,
				   struct tm_err *err)
{
	const uint64_t until_ms = tm_now_ms() + EXEC_MS;
	struct tm_session *session;

	do {
		session = tm_session_open_held(pid, 0, opts, err);
	} while (!session && err->kind == TM_ERR_GONE && is_changing(pid, until_ms));
	return session;
}

struct tm_session *tm_session_open_held(pid_t pid, pid_t held,
					const struct tm_session_opts *opts,
					struct tm_err *err)
{
	struct tm_session *session = create(opts);

	return opened(session, tm_subject_open(session, pid, held, err), err);
}

struct tm_session *tm_session_open_core(const char *path,
					const struct tm_session_opts *opts,
					struct tm_err *err)
{
	struct tm_session *session = create(opts);

	return opened(session, tm_core_open(session, path, err) ||
			       tm_subject_explain(session, err), err);
}

void tm_session_close(struct tm_session *session)
{
	if (!session)
		return;
	tm_native_names_destroy(session->names);
	tm_thread_names_destroy(session->threads);
	tm_subject_close(session);
	free(session);
}

/* ---- what it is ---------------------------------------------------------------- */

pid_t tm_session_pid(const struct tm_session *session)
{
	return session->process.leader;
}

const char *tm_session_command(const struct tm_session *session)
{
	return session->process.command;
}

bool tm_session_replaced(const struct tm_session *session)
{
	const uint64_t until_ms = tm_now_ms() + EXEC_MS;

	if (session->core)
		return false;
	do {
		if (tm_process_replaced(&session->process))
			return true;
	} while (is_changing(session->process.leader, until_ms));
	return false;
}

const struct tm_source_lines *tm_session_source_lines(struct tm_session *session)
{
	struct tm_err err;

	if (session->source_lines)
		return session->source_lines;
	if (!session->core)
		session->source_lines = tm_source_lines_create(session->process.pid);
	else
		session->source_lines = tm_source_lines_of_core(session->mem,
			tm_subject_python(session, &err) ? &session->runtime : NULL);
	tm_source_lines_rename(session->source_lines, session->opts.mappings,
			       session->opts.nmappings);
	return session->source_lines;
}

/* ---- traces, and control of them --------------------------------------------- */

struct tm_snapshot *tm_snapshot_as_wanted(struct tm_snapshot *taken,
					  const struct tm_session_opts *opts)
{
	const struct tm_filter of_age = { .older_ns = opts->older_ns,
					  .newer_ns = opts->newer_ns };
	const bool any_age = opts->older_ns || opts->newer_ns;
	struct tm_snapshot *ret = taken;

	if (taken && opts->sizes.max) {
		ret = tm_snapshot_of_sizes(taken, opts->sizes);
		tm_snapshot_destroy(taken);
		taken = ret;
	}
	if (taken && any_age && tm_snapshot_has_ages(taken)) {
		ret = tm_snapshot_filter(taken, &of_age, 1);
		tm_snapshot_destroy(taken);
		taken = ret;
	}
	if (taken && opts->nmappings) {
		ret = tm_snapshot_rename(taken, opts->mappings, opts->nmappings);
		tm_snapshot_destroy(taken);
	}
	return ret;
}

struct tm_snapshot *tm_session_take_member(struct tm_session *session,
					   struct tm_family *family,
					   struct tm_snapshot **ret_once,
					   struct tm_err *err)
{
	const struct tm_backend *backend = tm_tracer(session, err);
	struct tm_err tried = { 0 }; /* it was a bad instant: a later one may do */
	struct tm_snapshot *taken;

	if (!backend || (tm_wants_ages(&session->opts) && !backend->knows_ages &&
			 !tm_no_ages(session, err)))
		return NULL;
	session->family = family;
	session->once = NULL;
	taken = backend->traces(session, &tried);
	session->family = NULL;
	if (!taken)
		*err = tried;
	else
		*ret_once = tm_snapshot_as_wanted(session->once, &session->opts);
	return tm_snapshot_as_wanted(taken, &session->opts);
}

struct tm_snapshot *tm_session_take_snapshot(struct tm_session *session,
					     struct tm_err *err)
{
	struct tm_snapshot *once;

	return tm_session_take_member(session, NULL, &once, err);
}

struct tm_snapshot *tm_session_take_with_memory(struct tm_session *session,
						struct tm_memory *ret_memory,
						struct tm_err *err)
{
	struct tm_snapshot *ret;

	if (!tm_tracer(session, err))
		return NULL;
	session->figures = tm_figures_create(session, ret_memory, err);
	if (!session->figures)
		return NULL;
	ret = tm_session_take_snapshot(session, err);
	if (ret)
		tm_figures_finish(session->figures);
	tm_figures_destroy(session->figures);
	session->figures = NULL;
	return ret;
}

/* One call of control, as an act. */
struct order {
	struct tm_order order;
	tm_control_fn *give;
	struct tm_session *session;
	struct tm_control_result *ret;
	struct tm_err *err;
	bool ok;
};

static void run_order(void *ctx)
{
	struct order *order = ctx;

	tm_reap_stale(order->session);
	order->ok = order->give(order->session, &order->order, order->ret, order->err);
}

static bool give(struct tm_session *session, tm_control_fn *fn, struct tm_order what,
		 struct tm_control_result *ret, struct tm_err *err)
{
	struct tm_err tried; /* it was about an address or a size: another one may do */
	struct order order = { what, fn, session, ret, &tried, false };

	if (!fn)
		return tm_err_set(err, TM_ERR_USAGE, session->object,
				  "tracing cannot be changed in a core file");
	if (tm_act(session, run_order, &order, &tried) && order.ok)
		return true;
	*err = tried;
	return false;
}

bool tm_session_reset_peak(struct tm_session *session, struct tm_err *err)
{
	const struct tm_backend *tracer = tm_tracer(session, err);
	struct tm_control_result ignored = { 0 };

	return tracer && give(session, tracer->reset_peak, (struct tm_order){ 0 },
			      &ignored, err);
}

bool tm_session_start_tracing(struct tm_session *session, uint32_t nframe,
			      unsigned timeout_ms, struct tm_control_result *ret,
			      struct tm_err *err)
{
	const struct tm_backend *tracer = tm_tracer(session, err);
	const struct tm_order order = { nframe, timeout_ms };

	if (nframe < 1 || nframe > TM_NFRAME_MAX)
		return tm_err_set(err, TM_ERR_USAGE, session->object,
				  "the number of frames must be from 1 to %d",
				  TM_NFRAME_MAX);
	return tracer && give(session, tracer->start, order, ret, err);
}

bool tm_session_stop_tracing(struct tm_session *session, unsigned timeout_ms,
			     struct tm_control_result *ret, struct tm_err *err)
{
	const struct tm_backend *tracer = tm_tracer(session, err);
	const struct tm_order order = { .timeout_ms = timeout_ms };

	return tracer && give(session, tracer->stop, order, ret, err);
}

bool tm_session_clear_traces(struct tm_session *session, unsigned timeout_ms,
			     struct tm_err *err)
{
	const struct tm_backend *tracer = tm_tracer(session, err);
	const struct tm_order order = { .timeout_ms = timeout_ms };
	struct tm_control_result ignored = { 0 };

	return tracer && give(session, tracer->clear, order, &ignored, err);
}
