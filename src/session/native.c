#include "session/native.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "inject/inject.h"
#include "native/symbols.h"
#include "session/backend.h"
#include "session/meta.h"
#include "session/native_frames.h"
#include "trace/recorder_traces.h"

struct tm_native {
	struct tm_injection *in;  /* NULL: no recorder in the target */
	struct native_modules modules;
	struct tm_symbolizer *symbolizer;
};

/* The recorder may have come or gone through another tmattach. */
static bool find_recorder(struct tm_session *session, struct tm_err *err)
{
	struct tm_native *native = session->native;

	if (!native->in)
		native->in = tm_inject_find(&session->process, err);
	return native->in != NULL;
}

static bool not_recorded(const struct tm_session *session, struct tm_err *err)
{
	if (err->kind != TM_ERR_NOT_TRACED)
		return tm_attach_explain(session, err);
	tm_err_set(err, TM_ERR_NOT_TRACED, session->process.object,
		   "no recorder is in it");
	return tm_err_hint(err, "`tmattach start %d' puts it there",
			   (int)session->process.pid);
}

bool tm_native_attach(struct tm_session *session, bool must_record)
{
	struct tm_native *native = tm_calloc(1, sizeof(*native));
	struct tm_err err;

	session->native = native;
	native_modules_init(&native->modules, session->process.pid, session->mem);
	native->symbolizer = tm_symbolizer_create(&native->modules);
	if (find_recorder(session, &err) || !must_record) {
		session->backend = &tm_backend_native;
		return true;
	}
	tm_native_detach(session);
	return false;
}

void tm_native_detach(struct tm_session *session)
{
	struct tm_native *native = session->native;

	if (!native)
		return;
	tm_inject_close(native->in);
	tm_symbolizer_destroy(native->symbolizer);
	native_modules_deinit(&native->modules);
	free(native);
	session->native = NULL;
}

static void name_runtime(const struct tm_session *session, char *ret, size_t size)
{
	snprintf(ret, size, "%s", session->runtime.layout
		 ? session->runtime.name : "native");
}

static bool native_status(struct tm_session *session, struct tm_status *ret,
			  struct tm_err *err)
{
	struct tm_inject_status status = { 0 };
	struct tm_err none;
	bool recording = find_recorder(session, &none);

	*ret = (struct tm_status){ .kind = TM_RUNTIME_NATIVE,
				   .tracing = TM_TRACING_OFF };
	name_runtime(session, ret->runtime, sizeof(ret->runtime));
	if (!recording)
		return true;
	if (!tm_inject_status(session->native->in, &status, err))
		return tm_attach_explain(session, err);
	ret->tracing = TM_TRACING_ON;
	ret->traceback_limit = status.nframe;
	ret->traced_current = status.current;
	ret->traced_peak = status.peak;
	ret->ntraces = status.count;
	return true;
}

/* ---- a sample ---------------------------------------------------------------- */

static bool refresh_modules(struct tm_session *session, struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };

	if (!tm_maps_read(session->process.pid, &maps, err))
		return false;
	native_modules_update(&session->native->modules, &maps);
	return true;
}

static struct tm_snapshot *build(struct tm_session *session,
				 const struct tm_recorder_copy *copy,
				 uint64_t pause_ns, struct tm_err *err)
{
	const struct tm_frame_source source =
		tm_native_frames(session->native->symbolizer);
	struct tm_builder *builder = tm_builder_create();
	struct tm_inject_status status = { 0 };
	struct tm_meta meta = {
		.pid = session->process.pid,
		.taken_at = tm_wall_clock_ms(),
		.pause_ns = pause_ns,
	};
	tm_addr at;
	struct tm_mem *table = tm_inject_table(session->native->in, &at);

	name_runtime(session, meta.runtime, sizeof(meta.runtime));
	snprintf(meta.command, sizeof(meta.command), "%s",
		 session->process.command);
	if (tm_recorder_build(copy, table, at, &source, builder, &meta, err) &&
	    tm_inject_status(session->native->in, &status, err)) {
		meta.tracer_memory = status.tracer_memory;
		return tm_builder_finish(builder, &meta, err);
	}
	tm_builder_destroy(builder);
	return NULL;
}

static struct tm_snapshot *native_sample(struct tm_session *session,
					 struct tm_err *err)
{
	TM_GUARD(tm_recorder_copy_free) struct tm_recorder_copy copy = { .exact = true };
	struct tm_snapshot *snapshot = NULL;
	uint64_t pause_ns = 0;

	if (!find_recorder(session, err)) {
		not_recorded(session, err);
		return NULL;
	}
	if (refresh_modules(session, err) &&
	    tm_inject_sample(session->native->in, TM_INJECT_EXACT,
			     tm_recorder_copy_take, &copy, &pause_ns, err))
		snapshot = build(session, &copy, pause_ns, err);
	if (!snapshot)
		tm_attach_explain(session, err);
	return snapshot;
}

/* ---- control --------------------------------------------------------------------- */

static bool native_reset_peak(struct tm_session *session, struct tm_err *err)
{
	if (!find_recorder(session, err))
		return not_recorded(session, err);
	return tm_inject_reset_peak(session->native->in, err) ||
	       tm_attach_explain(session, err);
}

static bool native_start(struct tm_session *session, uint32_t nframe,
			 unsigned timeout_ms, struct tm_control *ret,
			 struct tm_err *err)
{
	const struct tm_inject_opts opts = {
		.nframe = nframe, .sample_bytes = session->opts.sample_bytes,
		.in_core = session->opts.in_core,
	};
	struct tm_status status;

	(void)timeout_ms;
	*ret = (struct tm_control){ .changed = !find_recorder(session, err) };
	if (ret->changed)
		session->native->in = tm_inject_start(&session->process, &opts, err);
	if (!session->native->in || !native_status(session, &status, err))
		return tm_attach_explain(session, err);
	ret->traceback_limit = status.traceback_limit;
	return true;
}

static bool native_stop(struct tm_session *session, unsigned timeout_ms,
			struct tm_control *ret, struct tm_err *err)
{
	struct tm_injection *in;
	bool left = false;

	(void)timeout_ms;
	*ret = (struct tm_control){ 0 };
	if (!find_recorder(session, err))
		return err->kind == TM_ERR_NOT_TRACED ||
		       tm_attach_explain(session, err);
	in = session->native->in;
	session->native->in = NULL;
	if (!tm_inject_stop(in, &left, err))
		return tm_attach_explain(session, err);
	if (left)
		tm_session_note(session, "a thread rests inside the recorder's code; "
				"it stays mapped, inert");
	ret->changed = true;
	return true;
}

static bool native_clear(struct tm_session *session, unsigned timeout_ms,
			 struct tm_err *err)
{
	(void)timeout_ms;
	if (!find_recorder(session, err))
		return not_recorded(session, err);
	return tm_inject_clear(session->native->in, err) ||
	       tm_attach_explain(session, err);
}

static struct tm_snapshot *native_where(struct tm_session *session,
					uint64_t address, struct tm_err *err)
{
	(void)address;
	tm_err_set(err, TM_ERR_UNSUPPORTED, session->process.object,
		   "where looks up blocks of a CPython that is tracing, not the recorder's");
	tm_err_hint(err, "`tmattach stats -k traceback %d' shows where the "
		    "recorder's come from", (int)session->process.pid);
	return NULL;
}

const struct tm_backend tm_backend_native = {
	.status = native_status,
	.sample = native_sample,
	.reset_peak = native_reset_peak,
	.start = native_start,
	.stop = native_stop,
	.clear = native_clear,
	.where = native_where,
};
