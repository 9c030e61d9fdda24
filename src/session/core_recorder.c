#include "session/tracer.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "session/core.h"
#include "session/meta.h"
#include "session/native_frames.h"
#include "session/thread_names.h"
#include "trace/recorder_maps.h"
#include "trace/recorder_traces.h"

/* "/memfd:NAME (deleted)", as the kernel calls it; gdb takes that over. */
static const struct tm_region *find_table(const struct tm_maps *maps)
{
	static const char path[] = "/memfd:" TM_RECORDER_TABLE_NAME;

	for (size_t i = 0; i < maps->n; i++)
		if (strncmp(maps->regions[i].path, path, strlen(path)) == 0)
			return &maps->regions[i];
	return NULL;
}

static bool not_written(const struct tm_session *session, struct tm_err *err)
{
	tm_err_set(err, TM_ERR_UNSUPPORTED, session->object,
		   "the recorder's table was not written to the core");
	return tm_err_hint(err, "start it with tmattach start --in-core, and with bit 1 "
			   "of /proc/PID/coredump_filter set (0x33 is the default); "
			   "for a live process, use tmattach dump");
}

bool tm_core_recorder_find(struct tm_session *session, struct tm_err *err)
{
	const struct tm_region *region = find_table(&session->maps);

	if (!region)
		return tm_err_set(err, TM_ERR_NOT_TRACED, session->object,
				  "no recorder was in the process");
	if (!tm_core_holds(&session->core->file, region->start))
		return not_written(session, err);
	session->table = region->start;
	return true;
}

bool tm_core_recorder_copy(struct tm_session *session, struct tm_recorder_copy *ret,
			   struct tm_err *err)
{
	if (tm_recorder_copy_take(ret, session->mem, session->table, err) &&
	    tm_recorder_maps_take(ret, session->mem, session->table, err))
		return true;
	if (err->kind == TM_ERR_BUSY)
		tm_err_set(err, TM_ERR_BUSY, session->object,
			   "the process died while the recorder's table was being rearranged");
	return false;
}

static void drop_copy(struct tm_recorder_copy **copy)
{
	tm_recorder_copy_free(*copy);
	free(*copy);
}

static void learn_threads(struct tm_session *session, const struct tm_recorder_copy *copy)
{
	const struct tm_core_file *file = &session->core->file;
	TM_GUARD(tm_free_ptr) struct tm_inject_thread *threads =
		tm_calloc(file->nthreads + 1, sizeof(*threads));

	for (size_t i = 0; i < file->nthreads; i++)
		threads[i] = (struct tm_inject_thread){
			file->threads[i].tid, tm_regs_tls(&file->threads[i].regs),
		};
	tm_thread_names_learn(session, copy, threads, file->nthreads);
}

static struct tm_snapshot *read_table(struct tm_session *session,
				      struct tm_meta *meta, struct tm_err *err)
{
	TM_GUARD(drop_copy) struct tm_recorder_copy *copy = tm_calloc(1, sizeof(*copy));
	TM_GUARD(tm_free_ptr) struct tm_range *memory = NULL;
	struct tm_frame_source source;
	struct tm_builder *builder;
	size_t n;

	if (!tm_core_recorder_copy(session, copy, err))
		return NULL;
	memory = tm_maps_memory(&session->maps, &n);
	tm_recorder_maps_keep(copy, memory, n);
	learn_threads(session, copy);
	if (!tm_recorder_frames(session, copy, session->mem, session->table, &source, err))
		return NULL;
	builder = tm_builder_create();
	if (tm_recorder_build(copy, session->mem, session->table, &source,
			      builder, meta, err))
		return tm_builder_finish(builder, meta, err);
	tm_builder_destroy(builder);
	return NULL;
}

static struct tm_snapshot *table_traces(struct tm_session *session,
					struct tm_err *err)
{
	struct tm_meta meta = tm_meta_begin(session, "native");
	struct tm_snapshot *snapshot = read_table(session, &meta, err);

	if (!snapshot)
		tm_subject_explain(session, err);
	return snapshot;
}

/* A table is read as a whole: so is its sum. */
static bool table_status(struct tm_session *session, struct tm_status *ret,
			 struct tm_err *err)
{
	struct tm_snapshot *snapshot = table_traces(session, err);

	if (!snapshot)
		return false;
	*ret = (struct tm_status){
		.kind = TM_RUNTIME_NATIVE, .tracing = TM_TRACING_ON,
		.traceback_limit = snapshot->meta.traceback_limit,
		.traced_current = snapshot->meta.traced_current,
		.traced_peak = snapshot->meta.traced_peak,
		.ntraces = snapshot->total_count,
	};
	memcpy(ret->runtime, snapshot->meta.runtime, sizeof(ret->runtime));
	tm_snapshot_destroy(snapshot);
	return true;
}

static struct tm_snapshot *table_where(struct tm_session *session, uint64_t address,
				       struct tm_err *err)
{
	(void)address;
	tm_err_set(err, TM_ERR_UNSUPPORTED, session->object,
		   "where looks up blocks of a CPython that was tracing, not the recorder's");
	tm_err_hint(err, "`tmattach stats -k traceback %.200s' shows where the recorder's "
		    "come from", session->object);
	return NULL;
}

const struct tm_backend tm_backend_core_recorder = {
	.status = table_status,
	.traces = table_traces,
	.where = table_where,
};
