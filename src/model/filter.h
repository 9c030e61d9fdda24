/*
 * Filters made ready for one snapshot. Only the domain and the frames of a
 * trace count, so the question is asked per site, and a name is matched
 * against a pattern once.
 */
#ifndef TM_MODEL_FILTER_H
#define TM_MODEL_FILTER_H

#include "model/acting.h"

struct filter_state;

struct filter_set {
	const struct tm_snapshot *snapshot;
	struct acting acting;
	struct filter_state *states;
	size_t n;
};

/* The filters of the query and what it skips must stay as long as the set does. */
void filter_set_init(struct filter_set *set, const struct tm_snapshot *snapshot,
		     const struct tm_query *query);
void filter_set_free(struct filter_set *set);
bool filter_set_passes(struct filter_set *set, tm_id site);

#endif
