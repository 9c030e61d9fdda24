#include <string.h>

#include "tmattach/model.h"

static bool is_cut(const struct tm_snapshot *snapshot, tm_id traceback)
{
	static const char name[] = TM_CUT_FRAME;
	struct tm_text oldest;

	if (snapshot->tracebacks[traceback].nframe == 0)
		return false;
	oldest = tm_traceback_frame(snapshot, traceback, 0).filename;
	return oldest.len == sizeof(name) - 1 &&
	       memcmp(oldest.bytes, name, sizeof(name) - 1) == 0;
}

uint64_t tm_snapshot_cut_size(const struct tm_snapshot *snapshot)
{
	uint64_t size = 0;

	for (size_t i = 0; i < snapshot->nsites; i++)
		if (is_cut(snapshot, snapshot->sites[i].traceback))
			size += snapshot->sites[i].size;
	return size;
}
