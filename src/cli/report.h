/*
 * Reports for people, on stdout. Text is what Python's str() and
 * Traceback.format() give; pretty is the "pretty top" of the tracemalloc
 * manual. Formats for scripts are the codec room's.
 */
#ifndef TM_CLI_REPORT_H
#define TM_CLI_REPORT_H

#include "cli/source.h"
#include "tmattach/threads.h"

/* How many of `n` items a limit lets through (0: all). */
size_t cli_shown(size_t n, size_t limit);

/* Traceback.format(), as a terminal may see it. */
void cli_print_traceback(const struct tm_snapshot *snapshot, tm_id traceback,
			 const struct tm_source_lines *lines);

void cli_text_stats(const struct tm_stats *stats, size_t limit,
		    const struct tm_source_lines *lines);
void cli_pretty_stats(const struct tm_stats *stats, size_t limit,
		      const struct tm_source_lines *lines);

/* A Trace of the report: `count` equal ones. */
struct cli_trace {
	uint64_t size;
	uint64_t count;
	tm_id site;
};

/*
 * The traces of a snapshot, largest first, then by traceback and domain;
 * malloc'ed.
 */
struct cli_trace *cli_sorted_traces(const struct tm_snapshot *snapshot,
				    size_t *ret_n);
void cli_text_traces(const struct tm_snapshot *snapshot, size_t limit,
		     bool pretty, const struct tm_source_lines *lines);

/* Stacks with the most recent call first, as debuggers print them. */
void cli_text_threads(const struct tm_threads *threads);

void cli_text_info(const struct cli_source *source, bool pretty);
void cli_text_memory(const struct cli_source *source,
		     const struct tm_memory *memory, bool pretty);

#endif
