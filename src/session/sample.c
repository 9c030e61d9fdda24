#include "session/sample.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/guard.h"
#include "base/log.h"
#include "freeze/freeze.h"
#include "remote/remote.h"
#include "session/action.h"
#include "session/rest.h"
#include "target/headroom.h"
#include "trace/tracemalloc.h"

enum {
	REAP_TRIES = 20,
};

/* One sample on its way. */
struct sample {
	struct tm_session *session;
	struct tm_stop stop;
	struct tm_copy copy;
	bool wants_copy;
	struct tm_meta meta;
	struct tm_collected *collected;
	uint64_t paused_ns;
};

/* ---- reading ------------------------------------------------------------------ */

/* Between the pieces of a read from a copy. */
static bool on_progress(void *ctx, uint64_t done, uint64_t total)
{
	struct sample *sample = ctx;
	const struct tm_progress *progress = &sample->session->opts.progress;

	tm_stop_poll(&sample->stop);
	if (progress->report)
		progress->report(progress->ctx, done, total);
	return !tm_act_interrupted();
}

static bool collect(struct sample *sample, struct tm_mem *mem,
		    struct tm_err *err)
{
	struct tm_session *session = sample->session;
	struct tm_collect_opts opts = {
		.writable_bytes = session->writable_bytes,
		.progress_ctx = sample,
	};

	/* Never while the target stands still: a callback may block, on a
	 * terminal that was told to hold its output for one. */
	if (mem != session->mem)
		opts.progress = on_progress;
	if (!tm_take_meta(session, mem, &sample->meta, err))
		return false;
	sample->collected = tm_tracemalloc_collect(mem, &session->runtime,
						   &opts, err);
	return sample->collected != NULL;
}

/* Read while everything stands still, then let it go. */
static bool read_stopped(struct sample *sample, struct tm_err *err)
{
	bool ok;

	tm_log("%s: read while it stands still", sample->session->process.object);
	ok = collect(sample, sample->session->mem, err);
	sample->paused_ns += tm_stop_release(&sample->stop);
	return ok;
}

/* The copy is dead; have the target forget it. Failing is no failure of the
 * sample: the zombie holds a pid only, and the next attach tries again. */
static void reap(struct sample *sample)
{
	struct tm_session *session = sample->session;
	uint64_t wait_ns = 1000000;

	for (int i = 0; i < REAP_TRIES; i++) {
		struct tm_err err;
		bool ok;

		if (!tm_stop_all(&session->process, TM_STOP_DEADLINE_MS,
				 &sample->stop, &err))
			return;
		ok = tm_freeze_reap(&sample->stop, session->syscall_insn, &err);
		sample->paused_ns += tm_stop_release(&sample->stop);
		tm_stop_guard(&sample->stop);
		if (ok)
			return;
		tm_sleep_ns(wait_ns);
		wait_ns *= 2;
		if (wait_ns > 50000000)
			wait_ns = 50000000;
	}
	tm_session_note(session, "a dead copy stays behind as a zombie until the next attach");
}

static bool read_copy(struct sample *sample, struct tm_err *err)
{
	TM_GUARD(tm_mem_guard) struct tm_mem *mem = NULL;
	bool ok;

	sample->paused_ns += tm_stop_release(&sample->stop);
	tm_freeze_name(&sample->copy);
	mem = tm_mem_proc(sample->copy.pid, err);
	ok = mem && collect(sample, mem, err);
	tm_freeze_kill(&sample->copy);
	tm_stop_guard(&sample->stop);
	reap(sample);
	return ok;
}

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
static bool copy_pays(struct tm_session *session)
{
	enum { PTES = 512 }; /* a huge page is one entry instead of so many */
	pid_t pid = session->process.pid;
	uint64_t kilobytes = 0, bytes, table = 0;
	struct tm_err err;

	if (session->opts.freeze != TM_FREEZE_AUTO)
		return session->opts.freeze == TM_FREEZE_FORCE;
	if (!py_tracer_memory(session->mem, &session->runtime, true, &table, &err) ||
	    !tm_process_status_u64(pid, pid, "RssAnon", 10, &kilobytes))
		return true;
	bytes = kilobytes * 1024;
	if (copy_is_cheaper(bytes, table) || !copy_is_cheaper(bytes / PTES, table))
		return copy_is_cheaper(bytes, table);
	if (!session->huge_known)
		session->huge = tm_process_huge(pid);
	session->huge_known = true;
	if (session->huge < bytes)
		bytes -= session->huge - session->huge / PTES;
	return copy_is_cheaper(bytes, table);
}

/*
 * While the copy is there, what the target writes is there twice. It shall not
 * run into the limit of its cgroup for that: the OOM killer is offered the
 * copy, but takes the target where the copy is just ending.
 */
static bool copy_fits(const struct tm_session *session)
{
	pid_t pid = session->process.pid;
	uint64_t kilobytes = 0;

	return !tm_process_status_u64(pid, pid, "RssAnon", 10, &kilobytes) ||
	       tm_process_headroom(pid) / 1024 >= kilobytes;
}

/* *ret: will a copy be made? False where only one is wanted and is too much. */
static bool choose_copy(struct tm_session *session, bool *ret, struct tm_err *err)
{
	*ret = copy_pays(session);
	if (!*ret || copy_fits(session))
		return true;
	*ret = false;
	if (session->opts.freeze == TM_FREEZE_FORCE) {
		tm_err_set(err, TM_ERR_LIMIT, session->process.object,
			   "its cgroup has no memory left for a copy");
		return tm_err_hint(err, "--no-fork needs none");
	}
	tm_session_note(session, "read without a copy: its cgroup has no memory left for one");
	return true;
}

static bool forced(const struct sample *sample)
{
	return sample->session->opts.freeze == TM_FREEZE_FORCE;
}

/* Try the copy, fall back to reading while stopped. */
static bool read_any(struct sample *sample, struct tm_err *err)
{
	struct tm_session *session = sample->session;

	if (!sample->wants_copy)
		return read_stopped(sample, err);
	if (!tm_freeze_copy(&sample->stop, session->syscall_insn, &sample->copy,
			    err)) {
		tm_freeze_kill(&sample->copy);
		if (forced(sample) || err->kind == TM_ERR_GONE)
			return false;
		tm_session_note(session, "read without a copy: %s", err->cause);
		return read_stopped(sample, err);
	}
	if (read_copy(sample, err))
		return true;
	if (forced(sample) || (err->kind != TM_ERR_CORRUPT &&
			       err->kind != TM_ERR_FAULT && err->sys_errno != ESRCH))
		return false;
	/* Memory that is not copied to children (MADV_DONTFORK)? Or the kernel
	 * was short of it and took the copy. */
	tm_session_note(session, "read without a copy: the copy is unusable (%s)",
			err->cause);
	return tm_stop_at_rest(session, &sample->stop, &sample->paused_ns, err) &&
	       read_stopped(sample, err);
}

static struct tm_snapshot *decode(struct sample *sample, struct tm_err *err)
{
	struct tm_builder *builder = tm_builder_create();
	size_t unreadable = tm_tracemalloc_decode(sample->collected,
						  &sample->session->runtime,
						  builder);

	sample->collected = NULL;
	sample->meta.pause_ns = sample->paused_ns;
	if (unreadable)
		tm_session_note(sample->session,
				"%zu file names are no strings any more and are shown as <unknown>",
				unreadable);
	return tm_builder_finish(builder, &sample->meta, err);
}

struct tm_snapshot *tm_sample(struct tm_session *session, struct tm_err *err)
{
	struct sample sample = { .session = session };
	struct tm_snapshot *snapshot = NULL;
	struct py_status status;
	bool ok;

	if (!tm_attach_refresh(session, err))
		return NULL;
	if (!py_status_read(session->mem, &session->runtime, &status, err)) {
		tm_attach_explain(session, err);
		return NULL;
	}
	if (status.state != PY_TRACING) {
		tm_not_traced(session, status.state, err);
		return NULL;
	}
	if (tm_freeze_has_stale(session->process.pid))
		reap(&sample);
	ok = choose_copy(session, &sample.wants_copy, err) &&
	     tm_stop_at_rest(session, &sample.stop, &sample.paused_ns, err) &&
	     read_any(&sample, err);
	tm_stop_guard(&sample.stop);
	if (ok)
		snapshot = decode(&sample, err);
	if (!snapshot)
		tm_attach_explain(session, err);
	return snapshot;
}

/* ---- reset_peak ------------------------------------------------------------------ */

static bool write_peak(struct tm_session *session, struct tm_err *err)
{
	TM_GUARD(tm_fd_close) int fd = -1;
	struct py_status status;
	char path[64];

	if (!py_status_read(session->mem, &session->runtime, &status, err))
		return false;
	if (status.state != PY_TRACING)
		return tm_not_traced(session, status.state, err);
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)session->process.pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return tm_err_os(err, errno, session->process.object,
				 "cannot open %s for writing", path);
	if (pwrite(fd, &status.traced, sizeof(status.traced),
		   (off_t)session->runtime.roots.peak) != sizeof(status.traced))
		return tm_err_os(err, errno, session->process.object,
				 "cannot write its peak");
	return true;
}

bool tm_reset_peak(struct tm_session *session, struct tm_err *err)
{
	struct sample sample = { .session = session };
	bool ok = tm_stop_at_rest(session, &sample.stop, &sample.paused_ns, err) &&
		  write_peak(session, err);

	tm_stop_guard(&sample.stop);
	return ok || tm_attach_explain(session, err);
}
