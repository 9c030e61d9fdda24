/*
 * Snapshots: what tracemalloc calls Snapshot, Trace, Traceback and Frame, as
 * immutable data; how they are built, put together and renamed. What is asked of
 * them is in stats.h. No I/O, no process, no screen.
 *
 * Threads: all functions may be called from any thread. A builder is used by
 * one at a time; snapshots never change and can be shared.
 *
 * Ids are indexes into the arrays of one snapshot. Frames run oldest -> newest
 * (Python 3.7+ order: the last frame is the most recent call). Sizes are
 * bytes. Text is length-counted UTF-8 in which lone surrogates may appear
 * (Python's "surrogatepass"); it may contain NUL bytes.
 *
 * Ownership: a snapshot owns all that its pointers reach.
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

/* Order of two str in Python, by code points: <0, 0, >0. */
int tm_text_compare(struct tm_text a, struct tm_text b);

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

/* How old a block was when the snapshot was taken, in tenths of a second. */
#define TM_AGE_NS 100000000u
#define TM_AGE_NONE UINT32_MAX

/* A traceback, domain, thread and age, and the totals of all their traces. */
struct tm_site {
	tm_id traceback;
	uint32_t domain;
	uint64_t size;
	uint64_t count;
	tm_id thread; /* string id of its name; TM_ID_NONE: not kept (tracemalloc) */
	uint32_t age; /* TM_AGE_NONE: not kept, or not known */
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

/* The domain of blocks that C code takes from malloc() in a recorded CPython. */
enum { TM_DOMAIN_C = 67 };
/* The domain of mappings: what mmap(), mremap() and brk() gave, in whole pages. They are not
 * in meta.traced_current and traced_peak. */
enum { TM_DOMAIN_MAPS = 68 };

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
/* The same of one thread; `thread` is the string id of its name, or TM_ID_NONE. */
tm_id tm_builder_thread_site(struct tm_builder *b, tm_id traceback, uint32_t domain,
			     tm_id thread);
/* Its traces tell their threads, also if there are none; those without one are of
 * "<unknown>". */
void tm_builder_has_threads(struct tm_builder *b);
/* The same of one age, which may be TM_AGE_NONE. */
tm_id tm_builder_aged_site(struct tm_builder *b, tm_id traceback, uint32_t domain,
			   tm_id thread, uint32_t age);
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

/* Do its traces tell which thread has allocated? The recorder's do, tracemalloc's do not. */
bool tm_snapshot_has_threads(const struct tm_snapshot *snapshot);

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

/* Is the age of any trace known? */
bool tm_snapshot_has_ages(const struct tm_snapshot *snapshot);

/* The same traces, their ages forgotten: fewer sites. Never fails. */
struct tm_snapshot *tm_snapshot_without_ages(const struct tm_snapshot *snapshot);

/* ---- several as one ------------------------------------------------------ */

/*
 * All traces of several snapshots (at least one) in one. Sizes in the meta are
 * sums; what the parts disagree on is unknown, the pid is 0. If one of them is a
 * sample the whole is, by the largest sample_bytes.
 */
struct tm_snapshot *tm_snapshot_merge(const struct tm_snapshot *const *parts,
				      size_t n, struct tm_err *err) TM_MUST_CHECK;

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

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
