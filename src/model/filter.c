#include "model/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
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
		     const struct tm_filter *filters, size_t n)
{
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

static bool match_traceback(const struct tm_snapshot *snapshot,
			    struct filter_state *state, tm_id traceback)
{
	const tm_id *frames = traceback_frames(snapshot, traceback);
	uint32_t n = snapshot->tracebacks[traceback].nframe;

	if (!state->filter->all_frames)
		return match_frame(snapshot, state, frames[n - 1]);
	for (uint32_t i = 0; i < n; i++)
		if (match_frame(snapshot, state, frames[i]))
			return true;
	return false;
}

/* What tracemalloc calls _match(): an exclusive filter is true for what it
 * lets pass. */
static bool accepts(const struct tm_snapshot *snapshot,
		    struct filter_state *state, const struct tm_site *site)
{
	const struct tm_filter *filter = state->filter;
	bool matches;

	if (filter->domain_only)
		return (site->domain == filter->domain) == filter->inclusive;
	matches = (!filter->has_domain || site->domain == filter->domain) &&
		  match_traceback(snapshot, state, site->traceback);
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
		if (accepts(set->snapshot, state, site))
			included |= inclusive;
		else if (!inclusive)
			return false;
	}
	return included || !any_inclusive;
}

/* ---- a filtered copy ---------------------------------------------------- */

/* Ids of the new snapshot by ids of the old one; TM_ID_NONE: not copied. */
struct copy {
	const struct tm_snapshot *from;
	struct tm_builder *to;
	tm_id *strings;
	tm_id *frames;
	tm_id *sites;
};

static tm_id *no_ids(size_t n)
{
	tm_id *ids = tm_reallocarray(NULL, n, sizeof(*ids));

	memset(ids, 0xff, n * sizeof(*ids));
	return ids;
}

static tm_id copy_string(struct copy *copy, tm_id id)
{
	struct tm_text text;

	if (id == TM_ID_NONE)
		return id;
	text = copy->from->strings[id];
	if (copy->strings[id] == TM_ID_NONE)
		copy->strings[id] =
			tm_builder_string(copy->to, text.bytes, text.len);
	return copy->strings[id];
}

static tm_id copy_native(struct copy *copy, const struct tm_frame *frame)
{
	struct tm_native_frame native = copy->from->natives[frame->native];

	native.function = copy_string(copy, native.function);
	if (native.module != TM_ID_NONE) {
		const struct tm_module *module =
			&copy->from->modules[native.module];

		native.module = tm_builder_module(
			copy->to, copy_string(copy, module->path),
			copy_string(copy, module->build_id));
	}
	return tm_builder_native_frame(copy->to,
				       copy_string(copy, frame->filename),
				       frame->lineno, &native);
}

static tm_id copy_frame(struct copy *copy, tm_id id)
{
	const struct tm_frame *frame = &copy->from->frames[id];

	if (copy->frames[id] != TM_ID_NONE)
		return copy->frames[id];
	if (frame->native != TM_ID_NONE)
		copy->frames[id] = copy_native(copy, frame);
	else
		copy->frames[id] = tm_builder_frame(
			copy->to, copy_string(copy, frame->filename),
			frame->lineno);
	return copy->frames[id];
}

static tm_id copy_site(struct copy *copy, tm_id id)
{
	const struct tm_site *site = &copy->from->sites[id];
	const struct tm_traceback *tb =
		&copy->from->tracebacks[site->traceback];
	const tm_id *frames = traceback_frames(copy->from, site->traceback);
	TM_GUARD(tm_free_ptr) tm_id *ids =
		tm_reallocarray(NULL, tb->nframe, sizeof(*ids));

	for (uint32_t i = 0; i < tb->nframe; i++)
		ids[i] = copy_frame(copy, frames[i]);
	return tm_builder_site(copy->to,
			       tm_builder_traceback(copy->to, ids, tb->nframe,
						    tb->total_nframe),
			       site->domain);
}

static void copy_rows(struct copy *copy)
{
	enum { BATCH = 1024 };
	struct tm_row rows[BATCH];
	size_t n = 0;

	for (size_t i = 0; i < copy->from->nrows; i++) {
		rows[n] = copy->from->rows[i];
		rows[n].site = copy->sites[rows[n].site];
		if (rows[n].site != TM_ID_NONE)
			n++;
		if (n == BATCH) {
			tm_builder_rows(copy->to, rows, n);
			n = 0;
		}
	}
	tm_builder_rows(copy->to, rows, n);
}

struct tm_snapshot *tm_snapshot_filter(const struct tm_snapshot *snapshot,
				       const struct tm_filter *filters,
				       size_t nfilters)
{
	TM_GUARD(filter_set_free) struct filter_set set;
	struct copy copy = {
		.from = snapshot,
		.to = tm_builder_create(),
		.strings = no_ids(snapshot->nstrings),
		.frames = no_ids(snapshot->nframes),
		.sites = no_ids(snapshot->nsites),
	};
	struct tm_snapshot *filtered;
	struct tm_err err;

	filter_set_init(&set, snapshot, filters, nfilters);
	for (tm_id id = 0; id < snapshot->nsites; id++)
		if (snapshot->sites[id].count && filter_set_passes(&set, id))
			copy.sites[id] = copy_site(&copy, id);
	copy_rows(&copy);
	free(copy.strings);
	free(copy.frames);
	free(copy.sites);
	filtered = tm_builder_finish(copy.to, &snapshot->meta, &err);
	if (!filtered)
		abort(); /* a part of what kept every rule breaks none */
	return filtered;
}
