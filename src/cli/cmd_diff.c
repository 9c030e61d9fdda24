#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/series.h"

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

/* The same program from another directory, so that every group would be new or gone. */
static void remark_directories(const struct tm_snapshot *older,
			       const struct tm_snapshot *newer,
			       const struct cli_options *options)
{
	struct tm_mapping guess;

	if (options->session.nmappings > 0 || report_is_for_scripts(options->format) ||
	    !tm_mapping_guess(older, newer, &guess))
		return;
	cli_note("the files of the two differ only in their directory: try --map '%s=%s'",
		 guess.from.len ? guess.from.bytes : "/",
		 guess.to.len ? guess.to.bytes : "/");
	tm_mapping_free(&guess);
}

static bool print_two(const struct report *how, const struct cli_series *series,
		      const struct tm_query *query, struct tm_err *err)
{
	const struct cli_source *older = series->sources[0], *newer = series->sources[1];
	struct tm_stats *stats = tm_snapshot_compare(newer->snapshot, older->snapshot, query,
						     err);
	const struct report_newest newest = { newer->snapshot, query };
	bool ok = stats && report_diff(how, stats, newest, cli_report_source(older),
				       cli_report_source(newer), err);

	tm_stats_destroy(stats);
	return ok;
}

static bool print_trend(const struct report *how, const struct cli_series *series,
			const struct tm_query *query, struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) const struct tm_snapshot **snapshots =
		tm_calloc(series->n, sizeof(*snapshots));
	TM_GUARD(tm_free_ptr) struct report_source *sources =
		tm_calloc(series->n, sizeof(*sources));
	struct tm_trend *trend;
	bool ok;

	for (size_t i = 0; i < series->n; i++) {
		snapshots[i] = series->sources[i]->snapshot;
		sources[i] = cli_report_source(series->sources[i]);
	}
	trend = tm_snapshot_trend(snapshots, series->n, query, err);
	ok = trend && report_trend(how, trend, (struct report_newest){
		snapshots[series->n - 1], query }, sources, err);
	tm_trend_destroy(trend);
	return ok;
}

/* Filters by age are refused where none are known; who wants to be told them is told that. */
static void remark_ages(const struct cli_source *newest, const struct cli_options *options)
{
	if (options->ages && newest->snapshot->total_count &&
	    !tm_snapshot_has_ages(newest->snapshot))
		cli_note("%s: it does not tell how old blocks are",
			 newest->file ? newest->file : newest->object);
}

static void remark(const struct cli_series *series, const struct cli_options *options)
{
	remark_ages(series->sources[series->n - 1], options);
	for (size_t i = 1; i < series->n; i++) {
		const struct tm_snapshot *older = series->sources[i - 1]->snapshot;
		const struct tm_snapshot *newer = series->sources[i]->snapshot;

		remark_limits(older, newer, &options->query);
		remark_directories(older, newer, options);
	}
}

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_series_close) struct cli_series series = { 0 };
	struct report how;
	struct tm_err err = { 0 };
	bool ok;
	int status = cli_series_read(&series, options);

	if (status)
		return status;
	for (size_t i = 1; i < series.n; i++)
		if (!check_kinds(series.sources[i - 1], series.sources[i], &err))
			return cli_error(&err, CLI_ABOUT_FILE);
	how = cli_options_report(options, series.sources[series.n - 1]->lines);
	remark(&series, options);
	ok = (series.n == 2 ? print_two : print_trend)(&how, &series, &options->query, &err);
	return cli_output_written(ok, &err, ok ? cli_series_status(&series) : CLI_DONE);
}

const struct cli_command command_diff = {
	.name = "diff",
	.summary = "Show the differences between snapshots",
	.args = "OLD... NEW",
	.examples =
		"  tmattach diff before.tms after.tms\n"
		"  tmattach diff before.tms 4711\n"
		"  tmattach diff --children before.tms 4711\n"
		"  tmattach diff monday.tms tuesday.tms wednesday.tms 4711\n"
		"  tmattach diff -k traceback -f json before.pickle after.pickle\n"
		"  tmattach diff --ages --older 5m before.tms 4711\n",
	.groups = CLI_SOURCE | CLI_CHILDREN | CLI_QUERY | CLI_LIMIT | CLI_FILTERS |
		  CLI_REPORT | CLI_FUNCTIONS | CLI_AGES,
	.min_sources = 2,
	.max_sources = SIZE_MAX,
	.run = run,
};
