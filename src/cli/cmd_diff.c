#include <stdio.h>
#include <string.h>

#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/report.h"
#include "tmattach/codec.h"

static bool is_python(const struct tm_snapshot *snapshot)
{
	return strncmp(snapshot->meta.runtime, "CPython", 7) == 0;
}

/* Groups of different kinds never meet: every one would be "new" or "gone". */
static bool check_kinds(const struct cli_source *older,
			const struct cli_source *newer, struct tm_err *err)
{
	const struct tm_snapshot *a = older->snapshot, *b = newer->snapshot;

	if (!a->meta.runtime[0] || !b->meta.runtime[0])
		return true;
	if (is_python(a) == is_python(b))
		return true;
	tm_err_set(err, TM_ERR_USAGE, newer->file ? newer->file : newer->object,
		   "traces of %s cannot be compared with those of %s (%s)",
		   b->meta.runtime, a->meta.runtime,
		   older->file ? older->file : older->object);
	return tm_err_hint(err, "compare two snapshots of the same kind of "
			   "runtime");
}

/* Python compares such snapshots too, but its user knows the two limits. */
static void remark_limits(const struct tm_snapshot *older,
			  const struct tm_snapshot *newer,
			  const struct tm_query *query)
{
	if (older->meta.traceback_limit == newer->meta.traceback_limit ||
	    (query->key != TM_KEY_TRACEBACK && !query->cumulative))
		return;
	cli_note("the traceback limits differ (%u and %u): the same allocation "
		 "may count as two", older->meta.traceback_limit,
		 newer->meta.traceback_limit);
}

static bool write_diff(const struct cli_source *older,
		       const struct cli_source *newer,
		       const struct tm_stats *stats,
		       const struct cli_options *options, struct tm_err *err)
{
	size_t limit = cli_options_limit(options);

	switch (options->format) {
	case CLI_TEXT:
		cli_text_stats(stats, limit, newer->lines);
		break;
	case CLI_PRETTY:
		cli_pretty_stats(stats, limit, newer->lines);
		break;
	case CLI_JSON:
		return tm_write_diff_json(stats, limit, &older->snapshot->meta,
					  older->file, &newer->snapshot->meta,
					  newer->file, stdout, err);
	case CLI_CSV:
		return tm_write_diff_csv(stats, limit, stdout, err);
	}
	return true;
}

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source older = { 0 };
	TM_GUARD(cli_source_close) struct cli_source newer = { 0 };
	struct tm_stats *stats;
	struct tm_err err = { 0 };
	bool ok;
	int status = cli_source_get(&older, options, 0), newer_status;

	if (status == CLI_DONE)
		status = cli_source_get(&newer, options, 1);
	if (status)
		return status;
	if (!check_kinds(&older, &newer, &err))
		return cli_error(&err, CLI_ABOUT_FILE);
	stats = tm_snapshot_compare(newer.snapshot, older.snapshot,
				    &options->query, &err);
	if (!stats)
		return cli_error(&err, CLI_ABOUT_FILE);
	remark_limits(older.snapshot, newer.snapshot, &options->query);
	ok = write_diff(&older, &newer, stats, options, &err);
	tm_stats_destroy(stats);
	status = cli_source_status(&older);
	newer_status = cli_source_status(&newer);
	return cli_output_written(ok, &err, status ? status : newer_status);
}

const struct cli_command command_diff = {
	.name = "diff",
	.summary = "Show the differences between two snapshots",
	.args = "OLD NEW",
	.examples =
		"  tmattach diff before.tms after.tms\n"
		"  tmattach diff before.tms 4711\n"
		"  tmattach diff -k traceback -f json before.pickle after.pickle\n",
	.groups = CLI_SOURCE | CLI_QUERY | CLI_LIMIT | CLI_FILTERS | CLI_REPORT,
	.min_sources = 2,
	.max_sources = 2,
	.run = run,
};
