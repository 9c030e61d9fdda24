#include <string.h>

#include "base/guard.h"
#include "cli/command.h"
#include "cli/many.h"
#include "cli/message.h"
#include "cli/output.h"

/* Are these two moments of one process? */
static bool is_same(const struct tm_meta *a, const struct tm_meta *b)
{
	return a->pid && a->pid == b->pid && a->taken_at != b->taken_at &&
	       strcmp(a->command, b->command) == 0;
}

/* Who gives several snapshots of a process wants to see it grow, not their sum. */
static void remark_moments(const struct cli_many *many)
{
	if (report_is_for_scripts(many->options->format))
		return;
	for (size_t i = 1; i < many->n; i++) {
		const struct cli_source *a = &many->members[i - 1]->source;
		const struct cli_source *b = &many->members[i]->source;

		if (!a->snapshot || !b->snapshot || !is_same(&a->snapshot->meta, &b->snapshot->meta))
			continue;
		cli_note("%s: of pid %d as another source is; the sum counts what lives on "
			 "more than once, `tmattach diff' tells what grew",
			 b->file ? b->file : b->object, (int)b->snapshot->meta.pid);
		return;
	}
}

static int run_many(const struct cli_options *options)
{
	TM_GUARD(cli_many_close) struct cli_many many = { 0 };
	struct tm_err err = { 0 };
	int status = cli_many_open(&many, options);

	if (status == CLI_DONE)
		status = cli_many_read(&many);
	if (status && status != CLI_PARTIAL)
		return status;
	remark_moments(&many);
	return cli_output_written(cli_many_print(&many, &err), &err, status);
}

static int run_one(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	struct report how;
	struct tm_stats *stats;
	struct tm_err err = { 0 };
	bool ok;
	int status = cli_source_get(&source, options, 0);

	if (status)
		return status;
	stats = tm_snapshot_statistics(source.snapshot, &options->query, &err);
	if (!stats)
		return cli_error(&err, CLI_ABOUT_FILE);
	cli_remark_filters(&source, options, stats->total_count);
	how = cli_options_report(options, source.lines);
	ok = report_stats(&how, stats, &options->query,
			  cli_report_source(&source), &err);
	tm_stats_destroy(stats);
	return cli_output_written(ok, &err, cli_source_status(&source));
}

static int run(const struct cli_options *options)
{
	return cli_is_many(options) ? run_many(options) : run_one(options);
}

const struct cli_command command_stats = {
	.name = "stats",
	.summary = "Show the largest groups by file, line or traceback",
	.args = "SOURCE...",
	.examples =
		"  tmattach stats 4711\n"
		"  tmattach stats -k traceback -l 1 leak.tms\n"
		"  tmattach stats -f pretty --exclude '<frozen importlib.*>' "
		"--name app.py\n"
		"  tmattach stats -k filename -c --include '*/app/*' "
		"--all-frames 4711\n"
		"  tmattach stats --children --name gunicorn\n",
	.groups = CLI_SOURCE | CLI_CHILDREN | CLI_QUERY | CLI_LIMIT | CLI_FILTERS |
		  CLI_REPORT | CLI_FUNCTIONS | CLI_AGES,
	.min_sources = 1,
	.max_sources = SIZE_MAX,
	.run = run,
};
