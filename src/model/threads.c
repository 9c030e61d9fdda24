#include "model/threads.h"

#include "model/tables.h"

bool tm_snapshot_has_threads(const struct tm_snapshot *snapshot)
{
	return tables_of(snapshot)->threaded;
}

bool threads_told(const struct tm_snapshot *snapshot, struct tm_err *err)
{
	if (tm_snapshot_has_threads(snapshot))
		return true;
	tm_err_set(err, TM_ERR_USAGE, "thread",
		   "the traces do not tell their threads: tracemalloc keeps none");
	return tm_err_hint(err, "the recorder does: `tmattach start --sample 512K', or --exact");
}
