#include <stdio.h>

#include "base/guard.h"
#include "cli/command.h"
#include "cli/many.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/report.h"
#include "tmattach/codec.h"

static bool write_stats(const struct cli_source *source,
			const struct tm_stats *stats,
			const struct cli_options *options, struct tm_err *err)
{
	size_t limit = cli_options_limit(options);

	switch (options->format) {
	case CLI_TEXT:
		cli_text_stats(stats, limit, source->lines);
		break;
	case CLI_PRETTY:
		cli_pretty_stats(stats, limit, source->lines);
		break;
	case CLI_JSON:
		return tm_write_stats_json(stats, limit, &source->snapshot->meta,
					   source->file, stdout, err);
	case CLI_CSV:
		return tm_write_stats_csv(stats, limit, stdout, err);
	}
	return true;
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
	return cli_output_written(cli_many_print(&many, &err), &err, status);
}

static int run_one(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
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
	ok = write_stats(&source, stats, options, &err);
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
	.groups = CLI_SOURCE | CLI_CHILDREN | CLI_QUERY | CLI_LIMIT | CLI_FILTERS | CLI_REPORT,
	.min_sources = 1,
	.max_sources = SIZE_MAX,
	.run = run,
};
