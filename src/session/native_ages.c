#include "session/native_ages.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "trace/recorder_ages.h"
#include "trace/recorder_maps.h"

static bool any_age(const struct tm_session_opts *opts)
{
	return opts->older_ns || opts->newer_ns;
}

bool tm_wants_ages(const struct tm_session_opts *opts)
{
	return any_age(opts) || opts->at_peak;
}

bool tm_no_ages(const struct tm_session *session, struct tm_err *err)
{
	if (session->core) {
		tm_err_set(err, TM_ERR_UNSUPPORTED, session->object,
			   "a core does not tell how old blocks are, nor what was there at the peak");
		return tm_err_hint(err, "ask the process: --older, --newer and --peak of "
				   "tmattach stats or dump");
	}
	tm_err_set(err, TM_ERR_UNSUPPORTED, session->object,
		   "tracemalloc keeps neither how old blocks are nor what was there at the peak");
	return tm_err_hint(err, "the recorder does: tmattach start --exact %d, or --sample 512K",
			   (int)session->process.leader);
}

/* Who only wants to be told is told nothing. */
static bool no_clock(const struct tm_session *session, const char *why, struct tm_err *err)
{
	if (!any_age(&session->opts))
		return true;
	tm_err_set(err, TM_ERR_UNSUPPORTED, session->object,
		   "how old its blocks are is not known: %s", why);
	return tm_err_hint(err, "without --older and --newer all blocks are shown");
}

/* 13 years and more are 13 years. */
static uint32_t age_between(uint64_t born, uint64_t now)
{
	const uint64_t age = now > born ? (now - born) / TM_AGE_NS : 0;

	return age < TM_AGE_NONE ? (uint32_t)age : TM_AGE_NONE - 1;
}

static uint32_t age_of(const struct tm_recorder_copy *copy, const struct tm_recorder_ages *ages,
		       uint32_t birth)
{
	uint64_t born;

	return tm_recorder_birth(ages, birth, &born) ? age_between(born, copy->clock)
						     : TM_AGE_NONE;
}

static void add_ages(struct tm_recorder_copy *copy, const struct tm_recorder_ages *ages)
{
	copy->ages = tm_reallocarray(copy->ages, copy->nslots + 1, sizeof(*copy->ages));
	for (size_t i = 0; i < copy->nslots; i++)
		copy->ages[i] = age_of(copy, ages, copy->sides[i].birth);
	for (size_t i = 0; i < copy->nmappings; i++)
		copy->mappings[i].age = age_of(copy, ages, copy->mappings[i].birth);
}

static bool is_wanted(const struct tm_session_opts *opts, uint32_t age)
{
	const uint64_t ns = (uint64_t)age * TM_AGE_NS;

	return age != TM_AGE_NONE && ns >= opts->older_ns &&
	       (!opts->newer_ns || ns < opts->newer_ns);
}

static void keep_wanted_mappings(const struct tm_session_opts *opts,
				 struct tm_recorder_copy *copy)
{
	size_t n = 0;

	for (size_t i = 0; i < copy->nmappings; i++)
		if (is_wanted(opts, copy->mappings[i].age))
			copy->mappings[n++] = copy->mappings[i];
	copy->nmappings = n;
}

static void keep_wanted(const struct tm_session_opts *opts, struct tm_recorder_copy *copy)
{
	const size_t n = copy->nslots;

	copy->nslots = 0;
	for (size_t i = 0; i < n; i++) {
		if (!is_wanted(opts, copy->ages[i]))
			continue;
		copy->ages[copy->nslots] = copy->ages[i];
		tm_recorder_copy_add(copy, &copy->slots[i], &copy->sides[i]);
	}
}

static void forget_ages(struct tm_recorder_copy *copy)
{
	free(copy->ages);
	copy->ages = NULL;
	for (size_t i = 0; i < copy->nmappings; i++)
		copy->mappings[i].age = TM_AGE_NONE;
}

bool tm_native_of_ages(const struct tm_session *session, struct tm_recorder_copy *copy,
		       struct tm_mem *mem, tm_addr at, struct tm_err *err)
{
	TM_GUARD(tm_recorder_ages_free) struct tm_recorder_ages ages = { 0 };

	forget_ages(copy);
	if ((!any_age(&session->opts) && !session->opts.ages) ||
	    copy->nslots + copy->nmappings == 0)
		return true;
	if (!copy->has_clock)
		return no_clock(session, "its time namespace cannot be told", err);
	if (!tm_recorder_ages_read(&copy->table, mem, at, &ages, err))
		return false;
	if (ages.n == 0)
		return no_clock(session, "it has no clock that needs no system call", err);
	add_ages(copy, &ages);
	if (any_age(&session->opts)) {
		keep_wanted(&session->opts, copy);
		keep_wanted_mappings(&session->opts, copy);
	}
	if (!session->opts.ages)
		forget_ages(copy);
	return true;
}

void tm_native_tell_peak(const struct tm_session *session,
			 const struct tm_recorder_copy *copy, struct tm_meta *meta)
{
	uint64_t peak = meta->traced_peak, there = meta->traced_current;

	if (!copy->at_peak)
		return;
	if (copy->together) {
		peak = copy->together;
		there += tm_recorder_mapped_anonymous(copy);
	}
	if (copy->files_gone && !any_age(&session->opts))
		tm_subject_note(session, "%" PRIu64 " shared mappings of files that were there at "
				"the peak are gone: whether they were memory cannot be told, they "
				"are left out", copy->files_gone);
	if (copy->missing) {
		tm_subject_note(session, "%" PRIu64 " blocks of the peak are missing: there was no "
				"room to note down all that was freed since", copy->missing);
		meta->partial = true;
	} else if (!any_age(&session->opts) && !meta->sample_bytes &&
		   there < peak) {
		tm_subject_note(session, "the table is of the moment after the peak, when %" PRIu64
				" bytes less were traced", peak - there);
	}
}

void tm_native_tell_mappings(struct tm_session *session, const struct tm_recorder_copy *copy)
{
	const uint64_t bytes = tm_recorder_mapped(copy);
	char text[32];

	if (bytes && !session->told_mappings) {
		session->told_mappings = true;
		tm_format_size(text, (double)bytes, false);
		tm_subject_note(session, "%s of mappings are in it as domain 68, in whole pages, "
				"touched or not (--exclude-domain 68 leaves them out)", text);
	}
}
