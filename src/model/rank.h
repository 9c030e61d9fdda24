/*
 * Names and frames of one or two snapshots as numbers that compare as they
 * do: equal things have equal ranks, and ranks begin with 1.
 */
#ifndef TM_MODEL_RANK_H
#define TM_MODEL_RANK_H

#include "tmattach/model.h"

struct ranks {
	const struct tm_snapshot *snapshot; /* NULL: there is only one */
	uint32_t *names;  /* by string id; only of names of frames */
	uint32_t *frames; /* by frame id */
};

/* Fill in both; the snapshots must be set. */
void ranks_compute(struct ranks ranks[2]);
void ranks_free(struct ranks ranks[2]);

#endif
