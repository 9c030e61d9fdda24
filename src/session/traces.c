#include "session/traces.h"

#include <string.h>

#include "session/family.h"
#include "session/function_names.h"
#include "session/functions.h"
#include "session/look.h"
#include "session/memory.h"
#include "session/meta.h"
#include "trace/tracemalloc.h"

/* One sample on its way. */
struct sample {
	struct tm_session *session;
	struct tm_meta meta;
	const struct tm_instant *instant; /* while it is read */
	struct tm_collected *collected;
	bool nameless; /* the names of functions may be found at another instant */
};

/* While it is changed: so often another instant is tried. */
enum { NAME_TRIES = 5 };

/* Between the pieces of a read that does not stop the target. */
static bool on_progress(void *ctx, uint64_t done, uint64_t total)
{
	const struct sample *sample = ctx;
	const struct tm_progress *progress = &sample->session->opts.progress;
	bool goes_on = tm_look_goes_on(sample->instant);

	if (progress->report)
		progress->report(progress->ctx, done, total);
	return goes_on;
}

static bool collect(void *ctx, const struct tm_instant *instant, struct tm_err *err)
{
	struct sample *sample = ctx;
	struct tm_session *session = sample->session;
	struct tm_collect_opts opts = {
		.writable_bytes = tm_maps_writable_bytes(&session->maps),
		.progress_ctx = sample,
		.blocks = session->family && !session->core,
	};

	sample->instant = instant;
	/* Never while the target is stopped: a callback may block, for
	 * example on a terminal that holds its output. */
	if (!instant->held)
		opts.progress = on_progress;
	if (!tm_meta_take(session, instant->mem, &sample->meta, err))
		return false;
	tm_collected_destroy(sample->collected);
	sample->collected = tm_tracemalloc_collect(instant->mem, &session->runtime,
						   &opts, err);
	if (!sample->collected)
		return false;
	if (session->figures)
		tm_figures_read(session->figures, instant);
	/* Not while it stands still. */
	sample->nameless = session->opts.functions && !instant->held &&
			   !tm_functions_find(session, instant, sample->collected);
	return true;
}

static bool ask_kernel(void *ctx, const struct tm_instant *instant, struct tm_err *err)
{
	const struct sample *sample = ctx;

	(void)instant;
	(void)err;
	if (sample->session->figures)
		tm_figures_of_kernel(sample->session->figures);
	return true;
}

/* The cost of reading is that of the trace tables. Whoever adds to it must have room
 * to do so. */
static uint64_t bytes_to_read(const struct tm_session *session, bool wants_names)
{
	uint64_t table = 0;
	struct tm_err err;

	/* Code objects may be anywhere in the heap. Once their names are known, they are
	 * looked for only when the sample before had others. */
	if (session->opts.functions && wants_names)
		return UINT64_MAX / 4;
	return py_tracer_memory(session->mem, &session->runtime, true, &table, &err)
		? table : UINT64_MAX / 4;
}

static const char *name_at(void *names, struct tm_text filename, uint32_t lineno)
{
	return tm_function_names_at(names, filename, lineno);
}

static struct tm_snapshot *build(const struct sample *sample, const struct tm_meta *meta,
				 size_t *ret_unreadable, struct tm_err *err)
{
	struct tm_builder *builder = tm_builder_create();
	const struct tm_line_names names = { name_at, sample->session->functions };

	*ret_unreadable = tm_tracemalloc_decode(sample->collected, &sample->session->runtime,
						sample->session->functions ? &names : NULL,
						builder);
	return tm_builder_finish(builder, meta, err);
}

static bool count_once(struct sample *sample, struct tm_err *err)
{
	struct tm_session *session = sample->session;
	struct tm_meta meta = sample->meta;
	size_t unreadable;
	uint64_t counted;

	if (!session->family || session->core ||
	    !tm_family_count(session->family, session, sample->collected, &counted))
		return true;
	meta.traced_current -= counted < meta.traced_current ? counted : meta.traced_current;
	session->once = build(sample, &meta, &unreadable, err);
	return session->once != NULL;
}

static struct tm_snapshot *decode(struct sample *sample, struct tm_err *err)
{
	struct tm_session *session = sample->session;
	size_t unreadable;
	struct tm_snapshot *snapshot = build(sample, &sample->meta, &unreadable, err);

	if (snapshot && !count_once(sample, err)) {
		tm_snapshot_destroy(snapshot);
		snapshot = NULL;
	}
	tm_collected_destroy(sample->collected);
	if (snapshot && unreadable)
		tm_subject_note(session,
				"%zu file names are no longer valid and are shown as <unknown>",
				unreadable);
	if (sample->meta.partial)
		tm_subject_note(session, "the process died while its trace table was being "
				"changed; the table holds together, but that block may be "
				"missing");
	return snapshot;
}

static bool is_tracing(const struct tm_session *session, struct tm_err *err)
{
	struct py_status status;

	if (!py_status_read(session->mem, &session->runtime, &status, err))
		return false;
	return status.state == PY_TRACING || tm_not_traced(session, status.state, err);
}

/* A table that contradicts itself, in a core that was written during a change. */
static bool torn(const struct tm_session *session, struct tm_err *err)
{
	char cause[sizeof(err->cause)];

	memcpy(cause, err->cause, sizeof(cause));
	return tm_err_set(err, TM_ERR_BUSY, session->object, "the process died while "
			  "its trace table was being changed, and the table is "
			  "torn (%.300s)", cause);
}

/* Are there reasons to look for some? */
static bool begin_names(struct tm_session *session)
{
	bool wanted = !session->functions || session->functions->lacking;

	if (session->opts.functions && !session->functions)
		session->functions = tm_function_names_create();
	if (session->functions)
		tm_function_names_begin(session->functions);
	return wanted;
}

static bool look_for_names(struct sample *sample, struct tm_look *look, struct tm_err *err)
{
	for (int i = 0; i < NAME_TRIES; i++) {
		if (!tm_look_at(sample->session, look, err))
			return false;
		if (!sample->nameless || sample->session->core)
			break;
	}
	return true;
}

struct tm_snapshot *tm_traces(struct tm_session *session, struct tm_err *err)
{
	struct sample sample = { .session = session };
	struct tm_look look = {
		.at_rest = tm_meta_at_rest, .stopped = ask_kernel, .read = collect,
		.ctx = &sample,
	};

	if (tm_subject_refresh(session, err) && is_tracing(session, err)) {
		look.bytes = bytes_to_read(session, begin_names(session));
		look.maps = session->opts.functions || session->figures;
		look.bytes += session->figures ? tm_figures_bytes(session->figures) : 0;
		if (look_for_names(&sample, &look, err)) {
			sample.meta.pause_ns = look.paused_ns;
			return decode(&sample, err);
		}
	}
	tm_collected_destroy(sample.collected);
	if (sample.meta.partial && err->kind == TM_ERR_CORRUPT)
		torn(session, err);
	tm_subject_explain(session, err);
	return NULL;
}
