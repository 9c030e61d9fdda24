#include "session/tracer.h"

#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "inject/inject.h"
#include "py/object.h"
#include "session/action.h"
#include "session/heirs.h"
#include "session/meta.h"
#include "session/native_ages.h"
#include "session/native_frames.h"
#include "session/python_allocators.h"
#include "session/reap.h"
#include "session/thread_names.h"
#include "session/unseen.h"
#include "trace/recorder_maps.h"
#include "trace/recorder_traces.h"

/* The recorder may have come or gone through another tmattach. */
static bool find_recorder(struct tm_session *session, struct tm_err *err)
{
	if (!session->injection)
		session->injection = tm_inject_find(&session->process, err);
	return session->injection != NULL;
}

bool tm_native_recorded(struct tm_session *session)
{
	struct tm_err ignored;

	return find_recorder(session, &ignored);
}

bool tm_python_recorded(struct tm_session *session)
{
	struct tm_inject_status status;
	struct tm_err ignored;

	/* Asked of every CPython: the mappings, which are at hand, deny it of most. */
	return tm_maps_have(&session->maps, TM_RECORDER_TABLE_NAME) &&
	       find_recorder(session, &ignored) &&
	       tm_inject_status(session->injection, &status, &ignored) && status.python;
}

static bool not_recorded(const struct tm_session *session, struct tm_err *err)
{
	if (err->kind != TM_ERR_NOT_TRACED)
		return tm_subject_explain(session, err);
	tm_err_set(err, TM_ERR_NOT_TRACED, session->object,
		   "no recorder is in it");
	return tm_err_hint(err, "`tmattach start %d' puts it there",
			   (int)session->process.leader);
}

static bool native_status(struct tm_session *session, struct tm_status *ret,
			  struct tm_err *err)
{
	struct tm_inject_status status = { 0 };
	struct tm_err none;
	bool recording = find_recorder(session, &none);

	*ret = (struct tm_status){
		.kind = session->backend == &tm_backend_python ? TM_RUNTIME_CPYTHON
							       : TM_RUNTIME_NATIVE,
		.tracing = TM_TRACING_OFF,
	};
	memcpy(ret->runtime, tm_meta_begin(session, "native").runtime,
	       sizeof(ret->runtime));
	if (!recording)
		return true;
	if (!tm_inject_status(session->injection, &status, err))
		return tm_subject_explain(session, err);
	if (status.python)
		ret->kind = TM_RUNTIME_CPYTHON;
	ret->recorder = true;
	ret->sample_bytes = status.sample_bytes;
	ret->tracing = TM_TRACING_ON;
	ret->traceback_limit = status.nframe;
	ret->traced_current = status.current;
	ret->traced_peak = status.peak;
	ret->ntraces = status.count;
	ret->maps = status.maps;
	ret->c_frames = status.merges;
	ret->unmerged = status.unmerged;
	ret->c_memory = status.with_c;
	ret->reuse = status.follows ? TM_REUSE_FOLLOWED :
		     status.unseated ? TM_REUSE_LOST : TM_REUSE_UNSEEN;
	return true;
}

/* ---- a sample ---------------------------------------------------------------- */

/* inject stops the target by itself: it has hooks to tend at the same time. */
struct native_sample {
	struct tm_session *session;
	struct tm_recorder_copy copy;
	struct tm_inject_sampled sampled;
	struct tm_err *err;
	bool ok;
};

/* No copy of the process is made for it, but it is what --freeze and --no-fork are about. */
static enum tm_inject_reading reading(const struct tm_session *session)
{
	if (session->opts.freeze == TM_FREEZE_NEVER)
		return TM_INJECT_STOPPED;
	return session->opts.freeze == TM_FREEZE_FORCE ? TM_INJECT_ONLY_BRIEFLY
						       : TM_INJECT_BRIEFLY;
}

static void run_sample(void *ctx)
{
	struct native_sample *sample = ctx;
	struct tm_session *session = sample->session;

	sample->sampled.pause_ns += tm_reap_stale(session);
	sample->ok = tm_inject_sample(session->injection, reading(session), &sample->copy,
				      &sample->sampled, sample->err);
}

static struct tm_snapshot *build(const struct native_sample *sample,
				 struct tm_err *err)
{
	struct tm_session *session = sample->session;
	struct tm_frame_source source;
	struct tm_builder *builder = tm_builder_create();
	struct tm_inject_status status = { 0 };
	struct tm_meta meta = tm_meta_begin(session, "native");
	tm_addr at;
	struct tm_mem *table = tm_inject_table(session->injection, &at);

	meta.pause_ns = sample->sampled.pause_ns;
	if (tm_recorder_is_python(&sample->copy.table))
		meta.has_total_nframe = tm_python_counts_frames(session);
	if (tm_recorder_frames(session, &sample->copy, table, at, &source, err) &&
	    tm_recorder_build(&sample->copy, table, at, &source, builder, &meta, err) &&
	    tm_inject_status(session->injection, &status, err)) {
		meta.tracer_memory = status.tracer_memory;
		tm_native_tell_peak(session, &sample->copy, &meta);
		if (!session->process.held && !tm_wants_ages(&session->opts))
			tm_remark_growth(session, meta.traced_current +
					 tm_recorder_mapped(&sample->copy), status.anonymous);
		return tm_builder_finish(builder, &meta, err);
	}
	tm_builder_destroy(builder);
	return NULL;
}

static void tell_missed(const struct tm_session *session)
{
	char text[240];

	while (tm_inject_missed(session->injection, text, sizeof(text)))
		tm_subject_note(session, "%s", text);
}

static bool take_sample(struct native_sample *sample, struct tm_err *err)
{
	struct tm_session *session = sample->session;

	sample->err = err;
	sample->copy.at_peak = session->opts.at_peak;
	if (!find_recorder(session, err))
		return not_recorded(session, err);
	if (!tm_subject_refresh(session, err) ||
	    !tm_act(session, run_sample, sample, err) || !sample->ok)
		return tm_subject_explain(session, err);
	if (sample->sampled.why[0])
		tm_subject_note(session, "read while it was stopped: %s", sample->sampled.why);
	tell_missed(session);
	tm_thread_names_learn(session, &sample->copy, sample->sampled.threads,
			      sample->sampled.nthreads);
	return true;
}

/* Keep the block at the address, or the one that the object there is in. */
static void pick(struct native_sample *sample, tm_addr address)
{
	struct tm_session *session = sample->session;
	struct tm_err none;
	tm_addr block;

	if (tm_recorder_copy_pick(&sample->copy, address)) {
		sample->copy.nmappings = 0;
		return;
	}
	if (tm_recorder_maps_pick(&sample->copy, address)) {
		sample->copy.nslots = 0;
		return;
	}
	if (!tm_recorder_is_python(&sample->copy.table) ||
	    !tm_subject_python(session, &none) ||
	    !py_object_block(session->mem, &session->runtime, address, &block) ||
	    !tm_recorder_copy_pick(&sample->copy, block))
		sample->copy.nslots = 0;
}

static bool of_ages(struct native_sample *sample, struct tm_err *err)
{
	tm_addr at;
	struct tm_mem *table = tm_inject_table(sample->session->injection, &at);

	if (!tm_native_of_ages(sample->session, &sample->copy, table, at, err))
		return false;
	tm_native_tell_mappings(sample->session, &sample->copy);
	return true;
}

/* All traces, or the one at *block. */
static struct tm_snapshot *sampled(struct tm_session *session, const tm_addr *block,
				   struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct native_sample *sample = tm_calloc(1, sizeof(*sample));
	struct tm_snapshot *snapshot = NULL;

	sample->session = session;
	if (take_sample(sample, err)) {
		if (block)
			pick(sample, *block);
		snapshot = of_ages(sample, err) ? build(sample, err) : NULL;
		if (!snapshot)
			tm_subject_explain(session, err);
	}
	tm_recorder_copy_free(&sample->copy);
	tm_inject_sampled_free(&sample->sampled);
	return snapshot;
}

static struct tm_snapshot *native_traces(struct tm_session *session, struct tm_err *err)
{
	return sampled(session, NULL, err);
}

static struct tm_snapshot *native_where(struct tm_session *session, uint64_t address,
					struct tm_err *err)
{
	return sampled(session, &address, err);
}

/* ---- control --------------------------------------------------------------------- */

static bool native_reset_peak(struct tm_session *session, const struct tm_order *order,
			      struct tm_control_result *ret, struct tm_err *err)
{
	(void)order;
	(void)ret;
	if (!find_recorder(session, err))
		return not_recorded(session, err);
	return tm_inject_reset_peak(session->injection, err) ||
	       tm_subject_explain(session, err);
}

/* A call that is passed over leaves nothing that tells of it. */
static bool maps_samples(const struct tm_session *session, struct tm_err *err)
{
	return session->opts.maps && session->opts.sample_bytes &&
	       !tm_err_set(err, TM_ERR_USAGE, "--maps, --sample", "only one of them: where blocks "
			   "are sampled, an allocator's own mappings are not told from the program's");
}

static bool start(struct tm_session *session, const struct tm_order *order,
		  const struct tm_inject_python *python,
		  struct tm_control_result *ret, struct tm_err *err)
{
	const struct tm_inject_opts opts = {
		.nframe = order->nframe, .sample_bytes = session->opts.sample_bytes,
		.python = python, .in_core = session->opts.in_core_dumps,
		.maps = session->opts.maps && !python,
		.elsewhere = tm_unseen_cause(session),
		.given = { session->opts.allocs, session->opts.nallocs,
			   session->opts.frees, session->opts.nfrees },
	};
	struct tm_status status;

	if (maps_samples(session, err))
		return false;
	*ret = (struct tm_control_result){ .changed = !find_recorder(session, err) };
	if (ret->changed)
		session->injection = tm_inject_start(&session->process, &opts, err);
	if (!session->injection || !native_status(session, &status, err))
		return tm_subject_explain(session, err);
	ret->traceback_limit = status.traceback_limit;
	if (ret->changed && opts.elsewhere)
		tm_subject_note(session, "not all of its memory is seen: %s", opts.elsewhere);
	if (ret->changed)
		tell_missed(session);
	if (ret->changed && tm_inject_is_blind(session->injection))
		tm_subject_note(session, "what it loads and unloads from now on is only seen when "
				"tmattach looks: its loader is not known");
	return true;
}

static void tell_left(const struct tm_session *session)
{
	tm_subject_note(session, "a thread rests inside the recorder's code, or the program "
			"keeps a way into it; it stays mapped, inert");
}

static bool native_start(struct tm_session *session, const struct tm_order *order,
			 struct tm_control_result *ret, struct tm_err *err)
{
	return start(session, order, NULL, ret, err);
}

bool tm_native_tidy(struct tm_session *session, struct tm_err *err)
{
	bool left = false;

	if (!tm_subject_refresh(session, err))
		return false;
	if (tm_maps_have(&session->maps, TM_RECORDER_CODE_NAME) &&
	    !tm_inject_tidy(&session->process, &left, err))
		return false;
	if (left)
		tell_left(session);
	return true;
}

static bool python_start(struct tm_session *session, const struct tm_order *order,
			 struct tm_control_result *ret, struct tm_err *err)
{
	struct tm_python_allocators allocators;
	struct tm_err none;

	/* One that is there stays as it is. */
	return (find_recorder(session, &none) ||
		(tm_native_tidy(session, err) &&
		 tm_python_allocators(session, &allocators, err)) ||
		tm_subject_explain(session, err)) &&
	       start(session, order, &allocators.python, ret, err);
}

/* None is recording, but one that was stopped may have left something. */
static bool stop_again(struct tm_session *session, bool *ret_left, struct tm_err *err)
{
	return err->kind == TM_ERR_NOT_TRACED &&
	       tm_inject_tidy(&session->process, ret_left, err);
}

static bool native_stop(struct tm_session *session, const struct tm_order *order,
			struct tm_control_result *ret, struct tm_err *err)
{
	struct tm_injection *in;
	bool left = false, ok;

	(void)order;
	*ret = (struct tm_control_result){ 0 };
	ret->changed = find_recorder(session, err);
	if (ret->changed) {
		in = session->injection;
		session->injection = NULL;
		ok = tm_inject_stop(in, &left, err);
		tm_tidy_heirs(session);
	} else {
		ok = stop_again(session, &left, err);
	}
	if (left)
		tell_left(session);
	return ok || tm_subject_explain(session, err);
}

static bool native_clear(struct tm_session *session, const struct tm_order *order,
			 struct tm_control_result *ret, struct tm_err *err)
{
	(void)order;
	(void)ret;
	if (!find_recorder(session, err))
		return not_recorded(session, err);
	return tm_inject_clear(session->injection, err) ||
	       tm_subject_explain(session, err);
}

const struct tm_backend tm_backend_native = {
	.status = native_status,
	.traces = native_traces,
	.where = native_where,
	.reset_peak = native_reset_peak,
	.start = native_start,
	.stop = native_stop,
	.clear = native_clear,
	.knows_ages = true,
};

/* The same recorder, put where Python allocates. */
const struct tm_backend tm_backend_python = {
	.status = native_status,
	.traces = native_traces,
	.where = native_where,
	.reset_peak = native_reset_peak,
	.start = python_start,
	.stop = native_stop,
	.clear = native_clear,
	.knows_ages = true,
};
