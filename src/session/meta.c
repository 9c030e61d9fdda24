#include "session/meta.h"

#include <stdio.h>

#include "base/clock.h"

/* ---- not tracing ----------------------------------------------------------------- */

static bool was_not_traced(const struct tm_session *session, enum py_state state,
			   struct tm_err *err)
{
	if (state == PY_FINALIZED)
		return tm_err_set(err, TM_ERR_NOT_TRACED, session->object,
				  "the interpreter was shutting down; tracemalloc had ended");
	tm_err_set(err, TM_ERR_NOT_TRACED, session->object,
		   "%s was not tracing memory allocations", session->runtime.name);
	return tm_err_hint(err, "run the program with PYTHONTRACEMALLOC=1 or "
			   "-X tracemalloc; if the recorder was in it, use --recorder");
}

static bool advise_tracing(const struct tm_session *session, struct tm_err *err)
{
	int pid = (int)session->process.leader;
	char objects[64] = "";

	if (tm_subject_has_census(session))
		snprintf(objects, sizeof(objects),
			 "; without any, `tmattach objects %d' shows what is alive", pid);
	return tm_err_hint(err, "`tmattach start %d' starts it, `tmattach start --sample 512K %d' "
				"at a small part of the cost; or run the program with "
				"PYTHONTRACEMALLOC=1 or -X tracemalloc%s", pid, pid, objects);
}

bool tm_not_traced(const struct tm_session *session, enum py_state state,
		   struct tm_err *err)
{
	if (session->core)
		return was_not_traced(session, state, err);
	if (state == PY_FINALIZED)
		return tm_err_set(err, TM_ERR_NOT_TRACED, session->object,
				  "the interpreter is shutting down; tracemalloc has ended");
	tm_err_set(err, TM_ERR_NOT_TRACED, session->object,
		   "%s is not tracing memory allocations", session->runtime.name);
	return advise_tracing(session, err);
}

/* ---- the scalars ----------------------------------------------------------------- */

struct tm_meta tm_meta_begin(const struct tm_session *session, const char *runtime)
{
	const char *name = session->runtime.name;
	struct tm_meta meta = {
		.pid = session->process.leader,
		.taken_at = session->core ? 0 : tm_wall_clock_ms(),
	};

	snprintf(meta.runtime, sizeof(meta.runtime), "%s", name[0] ? name : runtime);
	snprintf(meta.command, sizeof(meta.command), "%s",
		 session->process.command);
	return meta;
}

bool tm_meta_at_rest(struct tm_session *session, bool *ret, struct tm_err *err)
{
	return py_lock_is_free(session->mem, &session->runtime, ret, err);
}

bool tm_meta_take(const struct tm_session *session, struct tm_mem *mem,
		  struct tm_meta *ret, struct tm_err *err)
{
	const struct py_runtime *runtime = &session->runtime;
	struct py_status status;
	bool rest = true;

	if (!py_status_read(mem, runtime, &status, err))
		return false;
	if (status.state != PY_TRACING)
		return tm_not_traced(session, status.state, err);
	if (session->core && !py_lock_is_free(mem, runtime, &rest, err))
		return false;
	*ret = tm_meta_begin(session, "");
	ret->partial = !rest;
	ret->traceback_limit = status.max_nframe;
	ret->traced_current = status.traced;
	ret->traced_peak = status.peak;
	ret->has_total_nframe = runtime->layout->traceback.total_nframe != PY_ABSENT;
	return py_tracer_memory(mem, runtime, true, &ret->tracer_memory, err);
}

/* ---- status ------------------------------------------------------------------------ */

static enum tm_tracing tracing_of(enum py_state state)
{
	switch (state) {
	case PY_TRACING:
		return TM_TRACING_ON;
	case PY_FINALIZED:
		return TM_TRACING_FINALIZED;
	case PY_NOT_TRACING:
		break;
	}
	return TM_TRACING_OFF;
}

/* The count of the default-domain table; it may be changing: then 0. */
static uint64_t count_traces(struct tm_mem *mem, const struct py_runtime *runtime)
{
	struct py_table table;
	struct tm_err err;
	tm_addr at;

	if (!tm_mem_u64(mem, runtime->roots.traces, &at, &err) ||
	    !py_table_read(mem, runtime->layout, at, &table, &err))
		return 0;
	return table.nentries;
}

bool tm_meta_status(const struct tm_session *session, struct tm_status *ret,
		    struct tm_err *err)
{
	const struct py_runtime *runtime = &session->runtime;
	struct py_status status;

	if (!py_status_read(session->mem, runtime, &status, err))
		return false;
	*ret = (struct tm_status){
		.kind = TM_RUNTIME_CPYTHON,
		.tracing = tracing_of(status.state),
		.traceback_limit = status.max_nframe,
		.traced_current = status.traced,
		.traced_peak = status.peak,
	};
	if (ret->tracing == TM_TRACING_ON)
		ret->ntraces = count_traces(session->mem, runtime);
	snprintf(ret->runtime, sizeof(ret->runtime), "%s", runtime->name);
	return true;
}
