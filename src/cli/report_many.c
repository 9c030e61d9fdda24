#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/guard.h"
#include "cli/many.h"
#include "cli/output.h"
#include "cli/report.h"

/* Text: the sources, then each group with what is whose under it. */
struct table {
	const struct cli_parts *parts;
	const struct tm_stats *stats;
	const struct tm_share *shares;
	const struct tm_source_lines *lines;
	bool pretty;
};

static void add_name(struct tm_buf *line, const struct cli_parts *parts, size_t k)
{
	if (parts->files[k])
		tm_buf_adds(line, parts->files[k]);
	else
		tm_buf_addf(line, "%7" PRId32, parts->snapshots[k]->meta.pid);
}

static void print_sources(const struct cli_parts *parts)
{
	puts("    PID     TRACED     TRACES COMMAND");
	for (size_t k = 0; k < parts->n; k++) {
		const struct tm_snapshot *snapshot = parts->snapshots[k];
		TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };
		char size[32];

		if (snapshot->meta.pid)
			tm_buf_addf(&line, "%7" PRId32, snapshot->meta.pid);
		else
			tm_buf_adds(&line, "      -");
		tm_buf_addf(&line, " %10s %10" PRIu64 " ",
			    tm_format_size(size, (double)snapshot->total_size, false),
			    snapshot->total_count);
		tm_buf_adds(&line, parts->files[k] ? parts->files[k]
						   : snapshot->meta.command);
		cli_print_line("", line.data, line.len);
	}
}

/* Largest last would hide it: in the order of the sources, empty ones too,
 * so that columns stay where they are. */
static void print_shares(const struct table *table, size_t item)
{
	enum { PER_LINE = 4 };
	const struct cli_parts *parts = table->parts;
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };

	for (size_t k = 0; k < parts->n; k++) {
		char size[32];

		if (line.len)
			tm_buf_adds(&line, "  ");
		add_name(&line, parts, k);
		tm_buf_addf(&line, " %10s", tm_format_size(size,
			    (double)table->shares[item * parts->n + k].size, false));
		if (k % PER_LINE == PER_LINE - 1 || k + 1 == parts->n) {
			cli_print_line("    ", line.data, line.len);
			tm_buf_clear(&line);
		}
	}
}

static void print_group(const struct table *table, size_t i)
{
	const struct tm_stat *stat = &table->stats->items[i];
	TM_GUARD(tm_free_ptr) char *text = NULL;
	TM_GUARD(tm_free_ptr) char *source = NULL;
	struct tm_frame_view frame = tm_stat_frame(stat, 0);
	size_t len;

	text = tm_stat_str(stat, false, &len);
	cli_print_line("", text, len);
	if (stat->key == TM_KEY_TRACEBACK)
		cli_print_traceback(stat->snapshot, stat->group, table->lines);
	else if (table->pretty)
		source = table->lines->line(table->lines->ctx, frame.filename,
					    frame.lineno);
	if (source)
		cli_print_line("    ", source, strlen(source));
	print_shares(table, i);
}

static void print_text(const struct table *table, size_t limit, size_t shown)
{
	char size[32];

	print_sources(table->parts);
	printf("[ Top %zu ]\n", limit ? limit : table->stats->n);
	for (size_t i = 0; i < shown; i++)
		print_group(table, i);
	if (table->pretty)
		printf("Total allocated size: %s\n", tm_format_size(size,
			       (double)table->stats->total_size, false));
}

static bool print_stats(const struct cli_many *self, const struct table *table,
			size_t limit, struct tm_err *err)
{
	const struct cli_parts *parts = table->parts;
	const struct tm_parts tm_parts = {
		parts->snapshots, parts->files, parts->n, table->shares,
	};

	switch (self->options->format) {
	case CLI_TEXT:
	case CLI_PRETTY:
		print_text(table, limit, cli_shown(table->stats->n, limit));
		break;
	case CLI_JSON:
		return tm_write_merged_json(table->stats, limit, &parts->merged->meta,
					    &tm_parts, stdout, err);
	case CLI_CSV:
		return tm_write_merged_csv(table->stats, limit, &tm_parts, stdout, err);
	}
	return true;
}

static const struct tm_source_lines *any_lines(const struct cli_many *self)
{
	for (size_t i = 0; i < self->n; i++)
		if (self->members[i]->fresh)
			return self->members[i]->source.lines;
	return NULL;
}

bool cli_many_print(const struct cli_many *self, struct tm_err *err)
{
	TM_GUARD(cli_parts_free) struct cli_parts parts = { 0 };
	TM_GUARD(tm_free_ptr) struct tm_share *shares = NULL;
	const struct tm_query *query = &self->options->query;
	size_t limit = cli_options_limit(self->options);
	struct table table = {
		.parts = &parts, .lines = any_lines(self),
		.pretty = self->options->format == CLI_PRETTY,
	};
	struct tm_stats *stats;
	bool ok;

	if (!cli_parts_get(self, &parts, err))
		return false;
	stats = tm_snapshot_statistics(parts.merged, query, err);
	if (!stats)
		return false;
	shares = tm_stats_shares(stats, cli_shown(stats->n, limit),
				 parts.snapshots, parts.n, query);
	table.stats = stats;
	table.shares = shares;
	ok = print_stats(self, &table, limit, err);
	tm_stats_destroy(stats);
	return ok;
}
