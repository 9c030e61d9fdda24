/*
 * Reports: what the commands print. Each is one file of this room and has all
 * its forms there: text as Python's str() and Traceback.format() give it;
 * pretty, the "pretty top" of the tracemalloc manual; JSON and CSV for scripts,
 * as the man page shows them, keys and columns in that order.
 *
 * False with *err where JSON or CSV could not be written. Whether the stream
 * took a form for people is seen when it is flushed.
 */
#ifndef TM_REPORT_REPORT_H
#define TM_REPORT_REPORT_H

#include <stdio.h>

#include "heap/ask.h"
#include "tmattach/source.h"
#include "tmattach/threads.h"

enum report_form {
	REPORT_TEXT,
	REPORT_PRETTY,
	REPORT_JSON,
	REPORT_CSV,
};

static inline bool report_is_for_scripts(enum report_form form)
{
	return form == REPORT_JSON || form == REPORT_CSV;
}

/* How to print. */
struct report {
	enum report_form form;
	size_t limit;                        /* groups or traces; 0: all */
	bool functions;                      /* of Python, in tracebacks for people */
	bool ages;                           /* of the blocks of statistics; JSON has those
					        that are known */
	const struct tm_source_lines *lines; /* may be NULL */
	FILE *out;
};

/* Whose traces: a process, or a file. */
struct report_source {
	const struct tm_meta *meta;
	const char *file; /* NULL: a process */
};

/* `query` is the one of the statistics. */
bool report_stats(const struct report *how, const struct tm_stats *stats,
		  const struct tm_query *query, struct report_source source,
		  struct tm_err *err);

/* Of differences: the last snapshot, which has the ages that are told, and the query. */
struct report_newest {
	const struct tm_snapshot *snapshot;
	const struct tm_query *query;
};
bool report_diff(const struct report *how, const struct tm_stats *stats,
		 struct report_newest newest, struct report_source older,
		 struct report_source newer, struct tm_err *err);

/*
 * Differences over a series of sources, as many as the trend has snapshots. JSON:
 * {"format":"tmattach-trend","sources":[SOURCE...],"key","cumulative","trends":
 * [...]}, each with the members of a difference and "lasting", "grew", "shrank"
 * and "shares", which are the sizes and counts in each source.
 */
bool report_trend(const struct report *how, const struct tm_trend *trend,
		  struct report_newest newest, const struct report_source *sources,
		  struct tm_err *err);

/*
 * Statistics of several sources together, and the share of each in every group.
 * JSON is the object of report_stats(), in which "source" is what all have in
 * common, with "sources": [SOURCE...], each with its "memory": {"rss","pss",
 * "inherited"} or null, before "statistics", each of which ends
 * with "shares": [{"size","count"}...] in the order of the sources and "inherited",
 * by how much their sizes are more than the whole. CSV has a column more for each
 * source.
 */
struct report_parts {
	const struct tm_snapshot **snapshots;
	const char **files;         /* NULL where it is a process */
	struct tm_shared *memory;   /* zeroed where it is unknown, and of files */
	size_t n;
	struct tm_snapshot *merged; /* of them, what they share counted once */
};
bool report_merged(const struct report *how, const struct report_parts *parts,
		   const struct tm_query *query, struct tm_err *err);

/* A round of `top -b`, for people only: `name` and figures of the process, then
 * its statistics. */
void report_round(const struct report *how, const struct tm_stats *stats,
		  const struct tm_query *query, const struct tm_snapshot *snapshot,
		  const char *name);

/* The same where there is nothing to be read in this round, with the reason. */
void report_round_without(const struct report *how, const struct tm_meta *meta,
			  const char *name, const char *why);

/* Every trace, for people the largest first; the limit leaves the same in every
 * form. */
bool report_traces(const struct report *how, const struct tm_snapshot *snapshot,
		   struct tm_err *err);

/* The only trace of the snapshot, or that there is none. */
bool report_where(const struct report *how, const struct tm_snapshot *snapshot,
		  uint64_t address, struct tm_err *err);

/* With `memory`, JSON ends with "memory": {"rss","file_maps","anonymous",
 * "arenas","other_heap","arenas_size","arenas_used","arenas_free",
 * "arenas_free_blocks","arenas_free_pools","arenas_overhead","malloc_size",
 * "malloc_used","malloc_free","traced","tracer","untracked"}; what is unknown
 * is left out. */
struct report_info {
	const struct tm_snapshot *snapshot;
	const char *file; /* NULL: a process */
	bool tracing;
	const struct tm_memory *memory; /* NULL: unknown */
	const struct tm_status *status; /* the same */
};
bool report_info(const struct report *how, const struct report_info *info,
		 struct tm_err *err);

struct report_process {
	int32_t pid;
	bool permitted;          /* false: the status is unknown */
	struct tm_status status;
	char *unsupported;       /* why this Python cannot be read; NULL */
	const char *command;
};
bool report_ps(const struct report *how, const struct report_process *processes,
	       size_t n, struct tm_err *err);

/* What every thread is doing. Text has the most recent call first, as debuggers
 * print it; CSV is not offered. */
bool report_threads(const struct report *how, const struct tm_threads *threads,
		    struct tm_err *err);

/* Whose heap: `older` is NULL but in a difference. */
struct report_heap {
	const struct tm_heap *heap, *older;
	const char *file, *older_file; /* NULL: a process */
};

/* All end with what was proved. Of JSON that has a list for people only there is
 * another "format": "tmattach-suspects", "tmattach-duplicates", "tmattach-slack". */
bool report_objects(const struct report *how, struct report_heap source,
		    const struct tm_heap_groups *groups, struct tm_err *err);
bool report_suspects(const struct report *how, struct report_heap source,
		     const struct tm_heap_suspects *suspects, struct tm_err *err);
bool report_wastes(const struct report *how, struct report_heap source,
		   const char *name, const struct tm_heap_wastes *wastes,
		   struct tm_err *err);
bool report_refs(const struct report *how, struct report_heap source,
		 const struct tm_heap_refs *refs, bool down, struct tm_err *err);

#endif
