#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/guard.h"
#include "cli/output.h"
#include "cli/report.h"

static double kib(uint64_t size)
{
	return (double)size / 1024;
}

static void print_diff(bool is_diff, int64_t size_diff)
{
	if (is_diff)
		printf(" (%+.1f KiB)", (double)size_diff / 1024);
	putchar('\n');
}

static void print_frame(size_t rank, const struct tm_stat *stat, bool is_diff,
			const struct tm_source_lines *lines)
{
	TM_GUARD(tm_buf_free) struct tm_buf place = { 0 };
	TM_GUARD(tm_free_ptr) char *line = NULL;
	struct tm_frame_view frame = tm_stat_frame(stat, 0);

	tm_buf_addf(&place, "#%zu: ", rank);
	tm_buf_add(&place, frame.filename.bytes, frame.filename.len);
	tm_buf_addf(&place, ":%u: %.1f KiB", frame.lineno, kib(stat->size));
	if (is_diff)
		tm_buf_addf(&place, " (%+.1f KiB)",
			    (double)stat->size_diff / 1024);
	cli_print_line("", place.data, place.len);
	line = lines->line(lines->ctx, frame.filename, frame.lineno);
	if (line)
		cli_print_line("    ", line, strlen(line));
}

/* The manual's way to show where the biggest block was allocated. */
static void print_traceback(const struct tm_stat *stat, bool is_diff,
			    const struct tm_source_lines *lines)
{
	printf("%llu memory blocks: %.1f KiB", (unsigned long long)stat->count,
	       kib(stat->size));
	print_diff(is_diff, stat->size_diff);
	cli_print_traceback(stat->snapshot, stat->group, lines);
}

static void print_rest(const struct tm_stats *stats, size_t shown)
{
	uint64_t other = 0;
	int64_t other_diff = 0, total_diff = 0;

	for (size_t i = 0; i < stats->n; i++) {
		total_diff += stats->items[i].size_diff;
		if (i < shown)
			continue;
		other += stats->items[i].size;
		other_diff += stats->items[i].size_diff;
	}
	if (shown < stats->n) {
		printf("%zu other: %.1f KiB", stats->n - shown, kib(other));
		print_diff(stats->is_diff, other_diff);
	}
	/* Cumulative groups overlap: their differences have no total. */
	printf("Total allocated size: %.1f KiB", kib(stats->total_size));
	print_diff(stats->is_diff && !stats->query.cumulative, total_diff);
}

void cli_pretty_stats(const struct tm_stats *stats, size_t limit,
		      const struct tm_source_lines *lines)
{
	size_t shown = cli_shown(stats->n, limit);

	printf("Top %zu %s\n", limit ? limit : stats->n,
	       stats->is_diff ? "differences" :
	       stats->query.key == TM_KEY_TRACEBACK ? "tracebacks" : "lines");
	for (size_t i = 0; i < shown; i++) {
		const struct tm_stat *stat = &stats->items[i];

		if (stat->key == TM_KEY_TRACEBACK)
			print_traceback(stat, stats->is_diff, lines);
		else
			print_frame(i + 1, stat, stats->is_diff, lines);
	}
	print_rest(stats, shown);
}
