#include "model/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "model/copy.h"
#include "model/frame.h"
#include "model/pattern.h"

/* A pattern, and per string whether it matches. */
struct names {
	struct pattern pattern;
	unsigned char *known; /* NULL: everything matches */
};

struct filter_state {
	const struct tm_filter *filter;
	struct names files, functions;
};

enum { NAME_UNKNOWN, NAME_DIFFERS, NAME_MATCHES };

static void names_init(struct names *names, const struct tm_snapshot *snapshot,
		       struct tm_text pattern)
{
	pattern_init(&names->pattern, pattern);
	names->known = tm_calloc(snapshot->nstrings, 1);
}

static void names_free(struct names *names)
{
	pattern_free(&names->pattern);
	free(names->known);
}

/* tracemalloc takes names and patterns in .pyc for those in .py. */
static struct tm_text source_name(struct tm_text name)
{
	if (name.len >= 4 && !memcmp(name.bytes + name.len - 4, ".pyc", 4))
		name.len--;
	return name;
}

static bool by_age(const struct tm_filter *filter)
{
	return filter->older_ns || filter->newer_ns;
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
		if (filters[i].domain_only || by_age(&filters[i]))
			continue;
		names_init(&set->states[i].files, snapshot,
			   source_name(filters[i].pattern));
		if (filters[i].function.bytes)
			names_init(&set->states[i].functions, snapshot,
				   filters[i].function);
	}
}

void filter_set_free(struct filter_set *set)
{
	for (size_t i = 0; i < set->n; i++) {
		names_free(&set->states[i].files);
		names_free(&set->states[i].functions);
	}
	acting_free(&set->acting);
	free(set->states);
	*set = (struct filter_set){ 0 };
}

static bool match_file(const struct tm_snapshot *snapshot, struct names *files,
		       tm_id name)
{
	unsigned char *known = &files->known[name];

	if (*known == NAME_UNKNOWN)
		*known = pattern_match(&files->pattern,
				       source_name(snapshot->strings[name])) ?
			NAME_MATCHES : NAME_DIFFERS;
	return *known == NAME_MATCHES;
}

static bool match_function(const struct tm_snapshot *snapshot, struct names *functions,
			   tm_id frame)
{
	const tm_id id = frame_function(snapshot, frame);
	struct tm_text name;
	unsigned char *known;

	if (!functions->known || id == TM_ID_NONE)
		return !functions->known;
	known = &functions->known[id];
	name = snapshot->strings[id];
	if (*known == NAME_UNKNOWN)
		*known = pattern_match(&functions->pattern, name) ||
			 pattern_match(&functions->pattern, function_bare_name(name)) ?
			NAME_MATCHES : NAME_DIFFERS;
	return *known == NAME_MATCHES;
}

static bool match_frame(const struct tm_snapshot *snapshot,
			struct filter_state *state, tm_id frame)
{
	return match_file(snapshot, &state->files, frame_filename(snapshot, frame)) &&
	       match_function(snapshot, &state->functions, frame) &&
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

static bool is_of_age(const struct tm_filter *filter, uint32_t age)
{
	const uint64_t ns = (uint64_t)age * TM_AGE_NS;

	return age != TM_AGE_NONE && ns >= filter->older_ns &&
	       (!filter->newer_ns || ns < filter->newer_ns);
}

bool filter_set_passes(struct filter_set *set, tm_id id)
{
	const struct tm_site *site = &set->snapshot->sites[id];
	bool any_inclusive = false, included = false;

	for (size_t i = 0; i < set->n; i++) {
		struct filter_state *state = &set->states[i];
		bool inclusive = state->filter->inclusive;

		if (by_age(state->filter)) {
			if (!is_of_age(state->filter, site->age))
				return false;
			continue;
		}
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
