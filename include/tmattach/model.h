/*
 * The model: what tracemalloc calls Snapshot, Trace, Traceback, Frame,
 * Statistic, StatisticDiff, Filter and DomainFilter, as immutable data and
 * pure functions. No I/O, no process, no screen.
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
	const char *bytes; /* NUL-terminated behind len */
	size_t len;
};

/* What a native frame knows beyond file and line. */
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
};

/* The version keeps no total_nframe (3.7, 3.8). */
#define TM_TOTAL_NFRAME_NONE UINT32_MAX

struct tm_traceback {
	uint64_t first;        /* its first frame id in frame_ids[] */
	uint32_t nframe;
	uint32_t total_nframe; /* or TM_TOTAL_NFRAME_NONE */
	/* The first traceback through the same places (see tm_key): key type
	 * 'traceback' groups by these alone, total_nframe ignored. */
	tm_id same_frames;
};

/* A (traceback, domain) pair and the totals of all its traces. */
struct tm_site {
	tm_id traceback;
	uint32_t domain;
	uint64_t size;
	uint64_t count;
};

/* `count` traces of `size` bytes each at one site. Order means nothing, and
 * one (size, site) pair may appear in several rows. */
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
	uint64_t pause_ns;         /* how long the target stood still */
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

tm_id tm_builder_string(struct tm_builder *b, const char *bytes, size_t len);
tm_id tm_builder_module(struct tm_builder *b, tm_id path, tm_id build_id);
tm_id tm_builder_frame(struct tm_builder *b, tm_id filename, uint32_t lineno);
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
/* The same for many at once: the rows are copied. */
void tm_builder_rows(struct tm_builder *b, const struct tm_row *rows, size_t n);

/*
 * Freeze: consumes the builder's content (the builder is destroyed, also on
 * failure). NULL with *err set when the content broke a rule.
 */
struct tm_snapshot *tm_builder_finish(struct tm_builder *b,
				      const struct tm_meta *meta,
				      struct tm_err *err) TM_MUST_CHECK;

/* ---- looking at frames ------------------------------------------------ */

struct tm_frame_view {
	struct tm_text filename;
	uint32_t lineno;
	bool native;
	bool inlined;
	struct tm_text function; /* bytes == NULL: unknown (or a Python frame) */
	struct tm_text module;   /* bytes == NULL: unknown (or a Python frame) */
	uint64_t address;
};

/* The frame with this id. */
struct tm_frame_view tm_snapshot_frame(const struct tm_snapshot *snapshot,
				       tm_id frame);

/* Frame i (0 = oldest) of a traceback. */
struct tm_frame_view tm_traceback_frame(const struct tm_snapshot *snapshot,
					tm_id traceback, uint32_t i);

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

/* ---- statistics and differences ------------------------------------------ */

/*
 * What makes two frames the same place: filename and lineno. A Python frame
 * and a native one are never the same; a native frame of unknown line
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
};

struct tm_query {
	enum tm_key key;
	bool cumulative; /* not with TM_KEY_TRACEBACK */
	const struct tm_filter *filters;
	size_t nfilters;
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
	struct tm_query query; /* filters NOT kept: pointer is NULL */
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
 * All traces of several snapshots (at least one) in one. Sizes of the meta are
 * sums; what the parts do not agree on is unknown, the pid is 0.
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

/* The frames of a statistic's traceback (1 but for TM_KEY_TRACEBACK);
 * i = 0 is the oldest. FILENAME groups have lineno 0. */
uint32_t tm_stat_nframe(const struct tm_stat *stat);
struct tm_frame_view tm_stat_frame(const struct tm_stat *stat, uint32_t i);

/* The order of two str in Python, by code points: <0, 0, >0. */
int tm_text_compare(struct tm_text a, struct tm_text b);

/* The traces behind one statistic: for the drill-down of the view. Site ids
 * whose traces count towards the group of `stat`, best first. *ret_n counts
 * them; free() the result. */
tm_id *tm_stat_sites(const struct tm_snapshot *snapshot,
		     const struct tm_stat *stat, const struct tm_query *query,
		     size_t *ret_n);

/* ---- formatting, bit for bit as CPython does it ---------------------------- */

/* tracemalloc._format_size(size, sign); returns buf (at least 32 bytes). */
char *tm_format_size(char buf[static 32], double size, bool sign);

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
 */
#define TM_NO_LIMIT INT32_MAX
char *tm_traceback_format(const struct tm_snapshot *snapshot, tm_id traceback,
			  int32_t limit, bool most_recent_first,
			  const struct tm_source_lines *source,
			  size_t *ret_len);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
