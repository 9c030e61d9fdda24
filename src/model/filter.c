#include "model/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "model/copy.h"
#include "model/frame.h"
#include "model/pattern.h"

struct filter_state {
	const struct tm_filter *filter;
	struct pattern pattern;
	unsigned char *names; /* per string: does it match the pattern? */
};

enum { NAME_UNKNOWN, NAME_DIFFERS, NAME_MATCHES };

/* tracemalloc takes names and patterns in .pyc for those in .py. */
static struct tm_text source_name(struct tm_text name)
{
	if (name.len >= 4 && !memcmp(name.bytes + name.len - 4, ".pyc", 4))
		name.len--;
	return name;
}

void filter_set_init(struct filter_set *set, const struct tm_snapshot *snapshot,
		     const struct tm_query *query)
{
	const struct tm_filter *filters = query->filters;
	const size_t n = query->nfilters;

	acting_init(&set->acting, snapshot, &query->skip);
	set->snapshot = snapshot;
	set->n = n;
	set->states = tm_calloc(n, sizeof(*set->states));
	for (size_t i = 0; i < n; i++) {
		set->states[i].filter = &filters[i];
		if (filters[i].domain_only)
			continue;
		pattern_init(&set->states[i].pattern,
			     source_name(filters[i].pattern));
		set->states[i].names = tm_calloc(snapshot->nstrings, 1);
	}
}

void filter_set_free(struct filter_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		pattern_free(&set->states[i].pattern);
		free(set->states[i].names);
	}
	acting_free(&set->acting);
	free(set->states);
	*set = (struct filter_set){ 0 };
}

static bool match_frame(const struct tm_snapshot *snapshot,
			struct filter_state *state, tm_id frame)
{
	tm_id name = frame_filename(snapshot, frame);

	if (state->names[name] == NAME_UNKNOWN)
		state->names[name] =
			pattern_match(&state->pattern,
				      source_name(snapshot->strings[name])) ?
				NAME_MATCHES :
				NAME_DIFFERS;
	return state->names[name] == NAME_MATCHES &&
	       (!state->filter->has_lineno ||
		state->filter->lineno == snapshot->frames[frame].lineno);
}

static bool match_traceback(struct acting *acting, struct filter_state *state,
			    tm_id traceback)
{
	const struct tm_snapshot *snapshot = acting->snapshot;
	const tm_id *frames = traceback_frames(snapshot, traceback);
	uint32_t n = snapshot->tracebacks[traceback].nframe;

	if (!state->filter->all_frames)
		return match_frame(snapshot, state, acting_frame(acting, traceback));
	for (uint32_t i = 0; i < n; i++)
		if (match_frame(snapshot, state, frames[i]))
			return true;
	return false;
}

/* What tracemalloc calls _match(): an exclusive filter is true for what it
 * lets pass. */
static bool accepts(struct acting *acting, struct filter_state *state,
		    const struct tm_site *site)
{
	const struct tm_filter *filter = state->filter;
	bool matches;

	if (filter->domain_only)
		return (site->domain == filter->domain) == filter->inclusive;
	matches = (!filter->has_domain || site->domain == filter->domain) &&
		  match_traceback(acting, state, site->traceback);
	return matches == filter->inclusive;
}

bool filter_set_passes(struct filter_set *set, tm_id id)
{
	const struct tm_site *site = &set->snapshot->sites[id];
	bool any_inclusive = false, included = false;

	for (size_t i = 0; i < set->n; i++) {
		struct filter_state *state = &set->states[i];
		bool inclusive = state->filter->inclusive;

		if (inclusive && included)
			continue;
		any_inclusive |= inclusive;
		if (accepts(&set->acting, state, site))
			included |= inclusive;
		else if (!inclusive)
			return false;
	}
	return included || !any_inclusive;
}

struct tm_snapshot *tm_snapshot_select(const struct tm_snapshot *snapshot,
				       const struct tm_query *query)
{
	TM_GUARD(filter_set_free) struct filter_set set;
	struct snapshot_copy copy;

	snapshot_copy_begin(&copy, snapshot, NULL, 0);
	filter_set_init(&set, snapshot, query);
	for (tm_id id = 0; id < snapshot->nsites; id++)
		if (snapshot->sites[id].count && filter_set_passes(&set, id))
			snapshot_copy_site(&copy, id);
	return snapshot_copy_finish(&copy);
}

struct tm_snapshot *tm_snapshot_filter(const struct tm_snapshot *snapshot,
				       const struct tm_filter *filters,
				       size_t nfilters)
{
	const struct tm_query query = { .filters = filters, .nfilters = nfilters };

	return tm_snapshot_select(snapshot, &query);
}
