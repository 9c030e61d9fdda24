/*
 * What is asked of snapshots: what tracemalloc calls Filter, DomainFilter, Statistic
 * and StatisticDiff, and what it has no name for: errors of samples, shares of
 * several processes, series. Pure functions of immutable data.
 *
 * Threads: all functions may be called from any thread; statistics never change and
 * can be shared.
 *
 * Ownership: statistics and differences borrow from the snapshots they were computed
 * from and must be destroyed before them.
 */
#ifndef TMATTACH_STATS_H
#define TMATTACH_STATS_H

#include "tmattach/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

/* ---- filters ------------------------------------------------------------ */

struct tm_filter {
	bool domain_only;  /* a DomainFilter: only inclusive and domain count */
	bool inclusive;
	bool all_frames;
	bool has_lineno;
	bool has_domain;
	uint32_t lineno;
	uint32_t domain;
	struct tm_text pattern; /* fnmatch pattern; ".pyc" means ".py" */
	/* Another, of the frame's function: its whole name, or that without arguments.
	 * An unknown one matches none. bytes == NULL: any function. */
	struct tm_text function;
	/* Either of them: a filter by age, of which nothing else counts. All traces that
	 * pass are at least so old, or younger than that (0: any age). One whose age is
	 * not known does not pass. */
	uint64_t older_ns, newer_ns;
};

/* fnmatch.fnmatchcase() of CPython 3.13 on code points. */
bool tm_fnmatch(struct tm_text pattern, struct tm_text name);

/*
 * Snapshot.filter_traces(): a new snapshot with the traces that pass (the
 * same meta, ids not kept). Never fails.
 */
struct tm_snapshot *tm_snapshot_filter(const struct tm_snapshot *snapshot,
				       const struct tm_filter *filters,
				       size_t nfilters);

/* Sizes of memory blocks, both ends included. */
struct tm_sizes {
	uint64_t min, max;
};

/* The traces of blocks of these sizes, as tm_snapshot_filter() has it. */
struct tm_snapshot *tm_snapshot_of_sizes(const struct tm_snapshot *snapshot,
					 struct tm_sizes sizes);

/* With the name of its thread as the oldest frame of each traceback, a function of native
 * code. TM_ERR_USAGE: they are not told (tm_snapshot_has_threads()). */
struct tm_snapshot *tm_snapshot_under_threads(const struct tm_snapshot *snapshot,
					      struct tm_err *err) TM_MUST_CHECK;

/* ---- statistics and differences ------------------------------------------ */

/*
 * What makes two frames the same place: filename and lineno; of Python frames
 * the function does not count, as in tracemalloc. A Python frame and a native
 * one are never the same; a native frame of unknown line
 * (lineno 0) also differs by module path and function, or where the function
 * is unknown by module path and address. Between native frames of one
 * file:line the function does not count (it is another copy of inlined code).
 *
 * Where a native frame has the filename "", its module's path stands in for
 * the filename in filters and with TM_KEY_FILENAME.
 */
enum tm_key {
	TM_KEY_FILENAME,
	TM_KEY_LINENO,
	TM_KEY_TRACEBACK,
	TM_KEY_FUNCTION, /* by file and function; all unknown ones of a file are one */
	TM_KEY_THREAD,   /* only where a site has one; the filename is its name */
};

/* "filename", "lineno", "traceback", "function", "thread"; NULL behind the last key. */
const char *tm_key_name(enum tm_key key);

/*
 * Which frames a trace is not put down to, although they are most recent: functions
 * that allocate for their caller. Those that are known (operator new, std::, Rust's
 * alloc, xmalloc and its like) are, in native code, and all C functions where a Python
 * one has called, unless `none`. Filters that look at one frame look at the same.
 */
struct tm_skip {
	const struct tm_text *patterns; /* besides: fnmatch, of a function or a file */
	size_t n;
	bool none; /* the most recent frame, whatever it is */
};

struct tm_query {
	enum tm_key key;
	bool cumulative; /* not with TM_KEY_TRACEBACK, TM_KEY_THREAD */
	const struct tm_filter *filters;
	size_t nfilters;
	struct tm_skip skip;
};

/* By the filters of a query, which see the frames that it does not skip. */
struct tm_snapshot *tm_snapshot_select(const struct tm_snapshot *snapshot,
				       const struct tm_query *query);

/* A Statistic, or with the *_diff fields a StatisticDiff. */
struct tm_stat {
	const struct tm_snapshot *snapshot; /* the one `group` belongs to */
	enum tm_key key;
	tm_id group;    /* FILENAME, THREAD: string id; LINENO: frame id;
			   TRACEBACK: traceback id (its same_frames) */
	uint64_t size;
	uint64_t count;
	int64_t size_diff;
	int64_t count_diff;
};

struct tm_stats {
	struct tm_stat *items; /* in tracemalloc's sort order, best first */
	size_t n;
	uint64_t total_size;   /* of the traces that passed the filters */
	uint64_t total_count;
	bool is_diff;
	struct tm_query query; /* filters and patterns NOT kept: pointers are NULL */
};

/*
 * Snapshot.statistics(). Sorted by (size, count, traceback) descending;
 * NULL with TM_ERR_USAGE for cumulative with TM_KEY_TRACEBACK.
 */
struct tm_stats *tm_snapshot_statistics(const struct tm_snapshot *snapshot,
					const struct tm_query *query,
					struct tm_err *err) TM_MUST_CHECK;

/*
 * new.compare_to(old): sorted by (|size_diff|, size, |count_diff|, count,
 * traceback) descending. total_* are those of `newer`. The filters apply to
 * both sides.
 */
struct tm_stats *tm_snapshot_compare(const struct tm_snapshot *newer,
				     const struct tm_snapshot *older,
				     const struct tm_query *query,
				     struct tm_err *err) TM_MUST_CHECK;
void tm_stats_destroy(struct tm_stats *stats); /* NULL is fine */

/*
 * How far figures of a sample may be off: in 95 of 100 cases the truth is not
 * farther away.
 */
struct tm_error {
	uint64_t size, count;
};

/* For the first `nitems` items; `query` is the one of the statistics. free() the
 * result. NULL: they are exact, or are differences. */
struct tm_error *tm_stats_errors(const struct tm_stats *stats, size_t nitems,
				 const struct tm_query *query);
/* Of all traces together. False: they are exact. */
bool tm_snapshot_error(const struct tm_snapshot *snapshot, struct tm_error *ret);

/* How old the oldest and the newest block of a group are (see tm_site);
 * TM_AGE_NONE: it is known of none of them. */
struct tm_ages {
	uint32_t oldest, newest;
};

/* For the first `nitems` items those of `newer`, which the statistics are of: of differences
 * and of a series the last one. `query` is the one of the statistics. free() the result.
 * NULL: no age is known. */
struct tm_ages *tm_stats_ages(const struct tm_stats *stats, size_t nitems,
			      const struct tm_snapshot *newer,
			      const struct tm_query *query);

/* What one snapshot contributed to a group of a merged one. */
struct tm_share {
	uint64_t size;
	uint64_t count;
};

/*
 * For the first `nitems` items of a merged snapshot's statistics what each of
 * its n parts contributed: shares[item * n + part]. `query` is the one of the
 * statistics, filters included. free() the result.
 */
struct tm_share *tm_stats_shares(const struct tm_stats *stats, size_t nitems,
				 const struct tm_snapshot *const *parts,
				 size_t n, const struct tm_query *query);

/*
 * How groups went on in a series of snapshots. `lasting` is what a group grew by
 * and never gave back: of each step the bytes by which both the largest size until
 * then and the smallest size from then on rose.
 */
struct tm_growth {
	uint64_t lasting;
	uint32_t grew, shrank; /* in how many steps its size did */
};

struct tm_trend {
	struct tm_snapshot *merged; /* tm_snapshot_merge() of the series */
	struct tm_stats *stats;     /* the last snapshot against the first */
	struct tm_growth *growth;   /* of each item */
	struct tm_share *shares;    /* as tm_stats_shares() of all items */
	size_t n;                   /* snapshots */
};

/*
 * Differences over a series of snapshots (at least two), oldest first. First come
 * the groups that grow again and again: sorted by what lasts without the largest
 * step of it, then by all that lasts, then as tm_snapshot_compare() sorts.
 */
struct tm_trend *tm_snapshot_trend(const struct tm_snapshot *const *series, size_t n,
				   const struct tm_query *query,
				   struct tm_err *err) TM_MUST_CHECK;
void tm_trend_destroy(struct tm_trend *trend); /* NULL is fine */

/* The frames of a statistic's traceback (1 but for TM_KEY_TRACEBACK);
 * i = 0 is the oldest. FILENAME groups have lineno 0. */
uint32_t tm_stat_nframe(const struct tm_stat *stat);
struct tm_frame_view tm_stat_frame(const struct tm_stat *stat, uint32_t i);

/* What a statistic consists of: the ids of the sites whose traces count towards
 * the group of `stat`, largest first. *ret_n is their number; free() the
 * result. */
tm_id *tm_stat_sites(const struct tm_snapshot *snapshot,
		     const struct tm_stat *stat, const struct tm_query *query,
		     size_t *ret_n);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
