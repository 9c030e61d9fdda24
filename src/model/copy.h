/* A copy of a snapshot, or of a part of it, with other names of files. */
#ifndef TM_MODEL_COPY_H
#define TM_MODEL_COPY_H

#include "tmattach/stats.h"

/* Ids of the new snapshot by ids of the old one; TM_ID_NONE: not copied. */
struct snapshot_copy {
	const struct tm_snapshot *from;
	struct tm_builder *to;
	const struct tm_mapping *mappings;
	size_t nmappings;
	struct tm_sizes sizes; /* of the traces that are copied; from the start: all */
	bool under_threads;    /* with these as the oldest frames; from the start: without */
	bool no_ages;          /* without their ages; from the start: with them */
	tm_id *strings;
	tm_id *paths;    /* strings that name files */
	tm_id *frames;
	tm_id *sites;
};

/* `from` and the mappings must stay until the copy is finished. */
void snapshot_copy_begin(struct snapshot_copy *copy, const struct tm_snapshot *from,
			 const struct tm_mapping *mappings, size_t nmappings);
/* The traces of this site belong to it. */
void snapshot_copy_site(struct snapshot_copy *copy, tm_id site);
/* Never fails; `copy` is used up. */
struct tm_snapshot *snapshot_copy_finish(struct snapshot_copy *copy);

#endif
