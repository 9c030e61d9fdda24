#include "session/meta.h"

#include <stdio.h>
#include <time.h>

int64_t tm_wall_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool tm_meta_read(struct tm_mem *mem, const struct py_runtime *runtime,
		  struct tm_meta *ret, enum py_state *state, struct tm_err *err)
{
	struct py_status status;

	if (!py_status_read(mem, runtime, &status, err))
		return false;
	*state = status.state;
	if (status.state != PY_TRACING)
		return true;
	*ret = (struct tm_meta){
		.traceback_limit = status.max_nframe,
		.traced_current = status.traced,
		.traced_peak = status.peak,
		.has_total_nframe =
			runtime->layout->traceback.total_nframe != PY_ABSENT,
	};
	snprintf(ret->runtime, sizeof(ret->runtime), "%s", runtime->name);
	return py_tracer_memory(mem, runtime, true, &ret->tracer_memory, err);
}

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

bool tm_status_read(struct tm_mem *mem, const struct py_runtime *runtime,
		    struct tm_status *ret, struct tm_err *err)
{
	struct py_status status;

	if (!py_status_read(mem, runtime, &status, err))
		return false;
	*ret = (struct tm_status){
		.kind = TM_RUNTIME_CPYTHON,
		.tracing = tracing_of(status.state),
		.traceback_limit = status.max_nframe,
		.traced_current = status.traced,
		.traced_peak = status.peak,
	};
	if (ret->tracing == TM_TRACING_ON)
		ret->ntraces = count_traces(mem, runtime);
	snprintf(ret->runtime, sizeof(ret->runtime), "%s", runtime->name);
	return true;
}
