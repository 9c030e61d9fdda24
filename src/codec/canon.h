/*
 * The canonical order of a snapshot: the same content gives the same order,
 * however it was collected. All writers follow it, so that equal snapshots
 * give equal bytes.
 *
 * Strings sort by their bytes, modules, frames, tracebacks (oldest frame
 * first) and sites by what they consist of; a rank is a position in that
 * order, an id one in the snapshot's arrays. Rows are sorted by site rank
 * and size, equal ones added up.
 */
#ifndef TM_CODEC_CANON_H
#define TM_CODEC_CANON_H

#include "tmattach/model.h"
#include "tmattach/file.h"

struct canon_list {
	tm_id *id;   /* rank -> id */
	tm_id *rank; /* id -> rank */
	size_t n;
};

struct canon {
	const struct tm_snapshot *snapshot;
	struct canon_list strings, modules, frames, tracebacks, sites;
	struct tm_row *rows; /* row.site is a rank */
	size_t nrows;
	struct tm_progress progress;
	uint64_t compared, to_compare; /* of the longest list */
};

/* Sorting is the first half of writing: it reports so to `progress`. */
void canon_init(struct canon *canon, const struct tm_snapshot *snapshot,
		const struct tm_progress *progress);
/* The second half: `done` of `total` are written. */
void canon_tell(const struct canon *canon, size_t done, size_t total);
void canon_deinit(struct canon *canon);

/* The rank of an id that may be TM_ID_NONE, plus one; 0 for none. */
static inline uint32_t canon_rank1(const struct canon_list *list, tm_id id)
{
	return id == TM_ID_NONE ? 0 : list->rank[id] + 1;
}

#endif
