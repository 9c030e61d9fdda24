#include "base/guard.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/source.h"

static void filter(struct cli_source *source, const struct cli_options *options)
{
	struct tm_snapshot *less;

	if (!options->query.nfilters)
		return;
	less = tm_snapshot_select(source->snapshot, &options->query);
	tm_snapshot_destroy(source->snapshot);
	source->snapshot = less;
	cli_remark_filters(source, options, less->total_count);
}

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	struct report how;
	struct tm_err err = { 0 };
	bool ok;
	int status = cli_source_get(&source, options, 0);

	if (status)
		return status;
	filter(&source, options);
	how = cli_options_report(options, source.lines);
	/* Every trace unless told otherwise: that is what the command is for. */
	if (options->limit == CLI_LIMIT_UNSET)
		how.limit = 0;
	ok = report_traces(&how, source.snapshot, &err);
	return cli_output_written(ok, &err, cli_source_status(&source));
}

const struct cli_command command_traces = {
	.name = "traces",
	.summary = "Show every trace: size and traceback of each memory block",
	.args = "SOURCE",
	.examples =
		"  tmattach traces -l 20 4711\n"
		"  tmattach traces -f json leak.tms | jq .size\n"
		"  tmattach traces --include-domain 389047 --name app.py\n",
	.groups = CLI_SOURCE | CLI_LIMIT | CLI_FILTERS |
		  CLI_REPORT | CLI_FUNCTIONS,
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
