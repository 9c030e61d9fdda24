/*
 * The model: what tracemalloc calls Snapshot, Trace, Traceback, Frame,
 * Statistic, StatisticDiff, Filter and DomainFilter, as immutable data and
 * pure functions. No I/O, no process, no screen.
 *
 * Threads: all functions may be called from any thread. A builder is used by
 * one at a time; snapshots and statistics never change and can be shared.
 *
 * Ids are indexes into the arrays of one snapshot. Frames run oldest -> newest
 * (Python 3.7+ order: the last frame is the most recent call). Sizes are
 * bytes. Text is length-counted UTF-8 in which lone surrogates may appear
 * (Python's "surrogatepass"); it may contain NUL bytes.
 *
 * Ownership: a snapshot owns all that its pointers reach; results of
 * statistics and differences borrow from the snapshots they were computed
 * from and must be destroyed before them.
 */
#ifndef TMATTACH_MODEL_H
#define TMATTACH_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "tmattach/err.h"

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default) /* exported by the library */

typedef uint32_t tm_id;
#define TM_ID_NONE UINT32_MAX

struct tm_text {
	const char *bytes; /* followed by a NUL */
	size_t len;
};

/* What is known of a native frame besides file and line. */
struct tm_native_frame {
	tm_id function;   /* string id, TM_ID_NONE if unknown */
	tm_id module;     /* index into modules, TM_ID_NONE if unknown */
	uint64_t address; /* relative to the module's load bias, else absolute */
	uint32_t inlined; /* 1: inlined into the next older frame */
	uint32_t reserved;
};

struct tm_module {
	tm_id path;      /* string id */
	tm_id build_id;  /* string id of the lower-case hex text, or TM_ID_NONE */
};

struct tm_frame {
	tm_id filename;  /* string id */
	uint32_t lineno; /* 0: unknown */
	tm_id native;    /* index into natives; TM_ID_NONE for a Python frame */
	tm_id function;  /* of a Python frame: string id of the qualified name,
			    TM_ID_NONE if unknown */
};

/* Python 3.7 and 3.8 do not keep total_nframe. */
#define TM_TOTAL_NFRAME_NONE UINT32_MAX

struct tm_traceback {
	uint64_t first;        /* its first frame id in frame_ids[] */
	uint32_t nframe;
	uint32_t total_nframe; /* or TM_TOTAL_NFRAME_NONE */
	/* The first traceback through the same places (see tm_key): key type
	 * 'traceback' groups by these alone, total_nframe ignored. */
	tm_id same_frames;
};

/* The name of the oldest frame of a stack that could not be followed to its end:
 * code without unwind tables. It has no line, function or module. */
#define TM_CUT_FRAME "<cut>"

/* A (traceback, domain) pair and the totals of all its traces. */
struct tm_site {
	tm_id traceback;
	uint32_t domain;
	uint64_t size;
	uint64_t count;
};

/* `count` traces of `size` bytes each at one site. Rows are in no particular
 * order, and one (size, site) pair may appear in several of them. */
struct tm_row {
	uint64_t size;
	tm_id site;
	uint32_t count;
};

/* What is known about a snapshot besides its traces. */
struct tm_meta {
	int32_t pid;               /* 0: unknown (a pickle) */
	uint32_t traceback_limit;
	int64_t taken_at;          /* ms since the epoch, UTC; 0: unknown */
	uint64_t traced_current;   /* get_traced_memory()[0] */
	uint64_t traced_peak;      /* get_traced_memory()[1] */
	uint64_t tracer_memory;    /* get_tracemalloc_memory() */
	uint64_t pause_ns;         /* how long the target was stopped */
	uint64_t sample_bytes;     /* 0: exact; else mean of Poisson sampling */
	uint64_t dropped;          /* traces the recorder had no room for */
	bool has_total_nframe;     /* 3.9+: traces are 4-tuples in a pickle */
	bool partial;              /* not every trace could be read */
	char runtime[64];          /* "CPython 3.13.5"; "" if unknown */
	char command[256];         /* the target's command line, shortened */
};

struct tm_snapshot {
	struct tm_meta meta;

	const struct tm_text *strings;
	size_t nstrings;
	const struct tm_frame *frames;
	size_t nframes;
	const tm_id *frame_ids;
	size_t nframe_ids;
	const struct tm_traceback *tracebacks;
	size_t ntracebacks;
	const struct tm_native_frame *natives;
	size_t nnatives;
	const struct tm_module *modules;
	size_t nmodules;
	const struct tm_site *sites;
	size_t nsites;
	const struct tm_row *rows;
	size_t nrows;

	uint64_t total_size;  /* sum over all traces */
	uint64_t total_count; /* number of traces */
};

void tm_snapshot_destroy(struct tm_snapshot *snapshot); /* NULL is fine */

/* ---- building ------------------------------------------------------- */

/*
 * The one way to make a snapshot; walkers, file readers and tests use it.
 * Everything is interned: equal content gives equal ids. Content that breaks
 * the model's rules (unknown ids, no frames, totals beyond 2^63-1) is
 * remembered and reported once, by tm_builder_finish().
 */
struct tm_builder;

struct tm_builder *tm_builder_create(void);
void tm_builder_destroy(struct tm_builder *builder); /* NULL is fine */

/* Bytes that are not UTF-8 become U+DC80..U+DCFF, as os.fsdecode() has it. */
tm_id tm_builder_string(struct tm_builder *b, const char *bytes, size_t len);
tm_id tm_builder_module(struct tm_builder *b, tm_id path, tm_id build_id);
tm_id tm_builder_frame(struct tm_builder *b, tm_id filename, uint32_t lineno);
/* Of a Python function; TM_ID_NONE: it is not known. */
tm_id tm_builder_function_frame(struct tm_builder *b, tm_id filename, uint32_t lineno,
				tm_id function);
tm_id tm_builder_native_frame(struct tm_builder *b, tm_id filename,
			      uint32_t lineno,
			      const struct tm_native_frame *native);
/* frames: oldest first. */
tm_id tm_builder_traceback(struct tm_builder *b, const tm_id *frames,
			   uint32_t nframe, uint32_t total_nframe);
tm_id tm_builder_site(struct tm_builder *b, tm_id traceback, uint32_t domain);
/* `count` (at least 1) traces of `size` bytes at `site`. */
void tm_builder_traces(struct tm_builder *b, tm_id site, uint64_t size,
		       uint32_t count);
/* Many at once; the rows are copied. */
void tm_builder_rows(struct tm_builder *b, const struct tm_row *rows, size_t n);

/*
 * The snapshot of what the builder was given; destroys the builder, also on
 * failure. NULL with *err set when the content broke a rule.
 */
struct tm_snapshot *tm_builder_finish(struct tm_builder *b,
				      const struct tm_meta *meta,
				      struct tm_err *err) TM_MUST_CHECK;

/* ---- frames -------------------------------------------------------------- */

struct tm_frame_view {
	struct tm_text filename;
	uint32_t lineno;
	bool native;
	bool inlined;
	struct tm_text function; /* bytes == NULL: unknown */
	struct tm_text module;   /* bytes == NULL: unknown (or a Python frame) */
	uint64_t address;
};

/* The frame with this id. */
struct tm_frame_view tm_snapshot_frame(const struct tm_snapshot *snapshot,
				       tm_id frame);

/* Frame i (0 = oldest) of a traceback. */
struct tm_frame_view tm_traceback_frame(const struct tm_snapshot *snapshot,
					tm_id traceback, uint32_t i);

/* The index of the frame that statistics put its traces down to: struct tm_skip. */
uint32_t tm_traceback_acting(const struct tm_snapshot *snapshot, tm_id traceback);

/* Bytes whose stacks end in TM_CUT_FRAME. */
uint64_t tm_snapshot_cut_size(const struct tm_snapshot *snapshot);

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
struct tm_query;
/* By the filters of a query, which see the frames that it does not skip. */
struct tm_snapshot *tm_snapshot_select(const struct tm_snapshot *snapshot,
				       const struct tm_query *query);

/* Sizes of memory blocks, both ends included. */
struct tm_sizes {
	uint64_t min, max;
};

/* The traces of blocks of these sizes, as tm_snapshot_filter() has it. */
struct tm_snapshot *tm_snapshot_of_sizes(const struct tm_snapshot *snapshot,
					 struct tm_sizes sizes);

/* ---- names of files --------------------------------------------------------- */

/*
 * Files in or below directory `from` get the names that they would have in
 * `to`; "": names relative to `from`.
 */
struct tm_mapping {
	struct tm_text from, to;
};

/*
 * A new snapshot whose files (of native frames: the modules, too) have other
 * names, each by the first mapping that it is below; ids are not kept. Never
 * fails.
 */
struct tm_snapshot *tm_snapshot_rename(const struct tm_snapshot *snapshot,
				       const struct tm_mapping *mappings, size_t n);

/*
 * Do files of both differ only in the directory that they are in? Then *ret, to be
 * freed by tm_mapping_free(), maps those of the first to those of the second.
 */
bool tm_mapping_guess(const struct tm_snapshot *older, const struct tm_snapshot *newer,
		      struct tm_mapping *ret);
void tm_mapping_free(struct tm_mapping *mapping);

/* What a file may have been called that the mapping calls `name`: malloc'ed, its
 * length in *ret_len; NULL if the mapping makes no such names. */
char *tm_mapping_undo(const struct tm_mapping *mapping, struct tm_text name,
		      size_t *ret_len);

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
};

/* "filename", "lineno", "traceback", "function"; NULL behind the last key. */
const char *tm_key_name(enum tm_key key);

/*
 * Which frames a trace is not put down to, although they are most recent: functions
 * that allocate for their caller. Those that are known (operator new, std::, Rust's
 * alloc, xmalloc and its like) are, in native code, unless `none`. Filters that look at
 * one frame look at the same.
 */
struct tm_skip {
	const struct tm_text *patterns; /* besides: fnmatch, of a function or a file */
	size_t n;
	bool none; /* the most recent frame, whatever it is */
};

struct tm_query {
	enum tm_key key;
	bool cumulative; /* not with TM_KEY_TRACEBACK */
	const struct tm_filter *filters;
	size_t nfilters;
	struct tm_skip skip;
};

/* A Statistic, or with the *_diff fields a StatisticDiff. */
struct tm_stat {
	const struct tm_snapshot *snapshot; /* the one `group` belongs to */
	enum tm_key key;
	tm_id group;    /* FILENAME: string id; LINENO: frame id;
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

/*
 * All traces of several snapshots (at least one) in one. Sizes in the meta are
 * sums; what the parts disagree on is unknown, the pid is 0. If one of them is a
 * sample the whole is, by the largest sample_bytes.
 */
struct tm_snapshot *tm_snapshot_merge(const struct tm_snapshot *const *parts,
				      size_t n, struct tm_err *err) TM_MUST_CHECK;

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

/* Order of two str in Python, by code points: <0, 0, >0. */
int tm_text_compare(struct tm_text a, struct tm_text b);

/* What a statistic consists of: the ids of the sites whose traces count towards
 * the group of `stat`, largest first. *ret_n is their number; free() the
 * result. */
tm_id *tm_stat_sites(const struct tm_snapshot *snapshot,
		     const struct tm_stat *stat, const struct tm_query *query,
		     size_t *ret_n);

/* ---- formatting, bit for bit as CPython does it ---------------------------- */

/* tracemalloc._format_size(size, sign); returns buf, which has 32 bytes. */
char *tm_format_size(char buf[32], double size, bool sign);

/*
 * The texts below are malloc'ed, *ret_len (may be NULL) their length; they may
 * contain lone surrogates as 3-byte sequences and NULs, as the names do.
 */
/* str(Statistic) or str(StatisticDiff). */
char *tm_stat_str(const struct tm_stat *stat, bool diff, size_t *ret_len);

/*
 * Where source lines come from: returns the line's text without surrounding
 * white space, malloc'ed, or NULL if there is none. `lineno` counts from 1.
 */
struct tm_source_lines {
	char *(*line)(void *ctx, struct tm_text filename, uint32_t lineno);
	void *ctx;
};

/*
 * Traceback.format(limit, most_recent_first) joined with newlines:
 * limit > 0 the last `limit` frames, < 0 the first all-but, TM_NO_LIMIT all.
 * With `functions`, lines of Python frames end in ", in NAME" where it is known, as
 * those of native ones do.
 */
#define TM_NO_LIMIT INT32_MAX
char *tm_traceback_format(const struct tm_snapshot *snapshot, tm_id traceback,
			  int32_t limit, bool most_recent_first, bool functions,
			  const struct tm_source_lines *source,
			  size_t *ret_len);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
