/*
 * Snapshots shared between the threads of the view: counted references to
 * immutable data. The last one to let go frees it.
 */
#ifndef TUI_SNAP_H
#define TUI_SNAP_H

#include <stdatomic.h>

#include "tmattach/model.h"

struct snap {
	atomic_int refs;
	const struct tm_snapshot *snapshot;
	struct tm_snapshot *owned; /* NULL: borrowed from the caller of the view */
	struct tm_snapshot *once;  /* what it adds to those before it; NULL: all */
};

/* Takes the snapshots over. */
struct snap *snap_create(struct tm_snapshot *snapshot, struct tm_snapshot *once);
struct snap *snap_borrow(const struct tm_snapshot *snapshot);
struct snap *snap_get(struct snap *snap); /* NULL is fine, also below */
void snap_put(struct snap *snap);

/* All traces of all of them (NULLs are skipped) as one, what processes share since a
 * fork once; a lone one is returned
 * itself. NULL with *err if there is none, or the sum breaks a bound. */
struct snap *snap_merge(struct snap *const *snaps, size_t n,
			struct tm_err *err) TM_MUST_CHECK;

#endif
