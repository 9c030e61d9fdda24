#include "snap.h"

#include <stdlib.h>

#include "base/alloc.h"

static struct snap *snap_wrap(const struct tm_snapshot *snapshot,
			      struct tm_snapshot *owned)
{
	struct snap *snap = tm_calloc(1, sizeof(*snap));

	atomic_init(&snap->refs, 1);
	snap->snapshot = snapshot;
	snap->owned = owned;
	return snap;
}

struct snap *snap_create(struct tm_snapshot *snapshot, struct tm_snapshot *once)
{
	struct snap *snap = snap_wrap(snapshot, snapshot);

	snap->once = once;
	return snap;
}

struct snap *snap_borrow(const struct tm_snapshot *snapshot)
{
	return snap_wrap(snapshot, NULL);
}

struct snap *snap_get(struct snap *snap)
{
	if (snap)
		atomic_fetch_add(&snap->refs, 1);
	return snap;
}

void snap_put(struct snap *snap)
{
	if (!snap || atomic_fetch_sub(&snap->refs, 1) != 1)
		return;
	tm_snapshot_destroy(snap->owned);
	tm_snapshot_destroy(snap->once);
	free(snap);
}

struct snap *snap_merge(struct snap *const *snaps, size_t n, struct tm_err *err)
{
	const struct tm_snapshot **parts = tm_calloc(n, sizeof(*parts));
	struct snap *first = NULL;
	struct tm_snapshot *merged;
	size_t present = 0;

	for (size_t i = 0; i < n; i++)
		if (snaps[i]) {
			first = first ? first : snaps[i];
			parts[present++] = snaps[i]->once ? snaps[i]->once
							  : snaps[i]->snapshot;
		}
	if (present > 1) {
		merged = tm_snapshot_merge(parts, present, err);
		free(parts);
		return merged ? snap_create(merged, NULL) : NULL;
	}
	free(parts);
	if (present == 0)
		tm_err_set(err, TM_ERR_USAGE, "snapshot", "nothing has been read yet");
	return snap_get(first);
}
