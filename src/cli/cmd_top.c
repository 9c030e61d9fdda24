#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/report.h"
#include "tmattach/codec.h"
#include "tmattach/top.h"

/* Batch mode: all sources of one run, round after round. */
struct rounds {
	const struct cli_options *options;
	struct cli_source *sources;
	bool *ended;      /* the process is gone: it has been said */
	size_t running;
	int status;
};

static void print_header(const struct cli_source *source)
{
	const struct tm_meta *meta = &source->snapshot->meta;
	TM_GUARD(tm_buf_free) struct tm_buf line = { 0 };
	char current[32], peak[32], clock[16] = "";
	time_t taken = (time_t)(meta->taken_at / 1000);
	struct tm local;

	if (taken && localtime_r(&taken, &local))
		strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	tm_buf_addf(&line, "tmattach - %s%s%s  %s", clock, clock[0] ? "  " : "",
		    source->file ? source->file : source->object,
		    meta->command);
	cli_print_line("", line.data, line.len);
	tm_buf_clear(&line);
	tm_buf_addf(&line, "%s%straced: %s, peak: %s, traces: %llu, limit: %u, "
		    "pause: %.3f ms", meta->runtime, meta->runtime[0] ? ", " : "",
		    tm_format_size(current, (double)meta->traced_current, false),
		    tm_format_size(peak, (double)meta->traced_peak, false),
		    (unsigned long long)source->snapshot->total_count,
		    meta->traceback_limit, (double)meta->pause_ns / 1e6);
	cli_print_line("", line.data, line.len);
}

static bool print_source(const struct cli_source *source,
			 const struct cli_options *options, struct tm_err *err)
{
	size_t limit = cli_options_limit(options);
	struct tm_stats *stats = tm_snapshot_statistics(source->snapshot,
							&options->query, err);

	if (!stats)
		return false;
	print_header(source);
	if (options->format == CLI_PRETTY)
		cli_pretty_stats(stats, limit, source->lines);
	else
		cli_text_stats(stats, limit, source->lines);
	tm_stats_destroy(stats);
	return true;
}

/* One source of one round; a process that went away ends its rows only. */
static void show_source(struct rounds *self, size_t i)
{
	struct cli_source *source = &self->sources[i];
	struct tm_err err = { 0 };
	int status = cli_source_read(source, self->options);

	if (status) {
		self->ended[i] = true;
		self->running--;
		if (!source->snapshot)
			self->status = status;
		return;
	}
	if (!print_source(source, self->options, &err))
		self->status = cli_error(&err, CLI_ABOUT_FILE);
	if (source->file) {
		self->ended[i] = true;
		self->running--;
	}
	putchar('\n');
}

static bool show_round(struct rounds *self)
{
	for (size_t i = 0; i < self->options->nsources; i++)
		if (!self->ended[i])
			show_source(self, i);
	self->status = cli_output_finish(self->status);
	return self->running > 0 && self->status == CLI_DONE;
}

static void wait_until(struct timespec *next, double interval)
{
	long seconds = (long)interval;

	next->tv_sec += seconds;
	next->tv_nsec += (long)((interval - (double)seconds) * 1e9);
	if (next->tv_nsec >= 1000000000) {
		next->tv_sec++;
		next->tv_nsec -= 1000000000;
	}
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, next, NULL) != 0)
		;
}

static void show_rounds(struct rounds *self, unsigned rounds)
{
	struct timespec next;

	clock_gettime(CLOCK_MONOTONIC, &next);
	for (unsigned done = 1; show_round(self) && done != rounds; done++)
		wait_until(&next, self->options->interval);
}

static int open_sources(struct rounds *self)
{
	const struct cli_options *options = self->options;

	for (size_t i = 0; i < options->nsources; i++) {
		int status = cli_source_open(&self->sources[i],
					     &options->sources[i], options);

		if (status)
			return status;
	}
	self->running = options->nsources;
	return CLI_DONE;
}

/* ---- the live view ---------------------------------------------------------- */

static int find_sources(struct tm_top_source *sources,
			const struct cli_options *options)
{
	for (size_t i = 0; i < options->nsources; i++) {
		const struct cli_source_spec *spec = &options->sources[i];
		int status = CLI_DONE;

		sources[i].pid = spec->pid;
		sources[i].name = spec->text;
		if (spec->by == CLI_BY_NAME) {
			status = cli_find_process(spec->text, &sources[i].pid);
		} else if (spec->by == CLI_BY_FILE) {
			TM_GUARD(cli_source_close) struct cli_source file = { 0 };

			status = cli_source_get(&file, options, i);
			sources[i].pid = 0;
			sources[i].snapshot = file.snapshot;
			file.snapshot = NULL;
		}
		if (status != CLI_DONE)
			return status;
	}
	return CLI_DONE;
}

static int run_live(const struct cli_options *options)
{
	struct tm_top_source *sources = tm_calloc(options->nsources,
						  sizeof(*sources));
	struct tm_top_opts opts = {
		.sources = sources, .nsources = options->nsources,
		.interval = options->interval, .key = options->query.key,
		.cumulative = options->query.cumulative,
		.filters = options->query.filters,
		.nfilters = options->query.nfilters,
		.session = options->session,
	};
	struct tm_err err;
	int status = find_sources(sources, options);

	if (status == CLI_DONE && !tm_top_run(&opts, &err))
		status = cli_error(&err, CLI_ABOUT_PROCESS);
	for (size_t i = 0; i < options->nsources; i++)
		tm_snapshot_destroy((struct tm_snapshot *)sources[i].snapshot);
	free(sources);
	return status;
}

static bool wants_live(const struct cli_options *options)
{
	return !options->batch && options->rounds == 0 &&
	       isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

/* Without a terminal, -b or -n one round, as for `tmattach PID | less`. */
static int run_batch(const struct cli_options *options)
{
	struct rounds self = {
		.options = options,
		.sources = tm_calloc(options->nsources, sizeof(*self.sources)),
		.ended = tm_calloc(options->nsources, sizeof(*self.ended)),
	};

	self.status = open_sources(&self);
	if (self.status == CLI_DONE)
		show_rounds(&self, options->batch || options->rounds ?
				   options->rounds : 1);
	for (size_t i = 0; i < options->nsources; i++)
		cli_source_close(&self.sources[i]);
	free(self.sources);
	free(self.ended);
	return self.status;
}

static int run(const struct cli_options *options)
{
	struct tm_err err;

	if (options->format == CLI_JSON || options->format == CLI_CSV) {
		tm_err_set(&err, TM_ERR_USAGE, "--format",
			   "top prints text or pretty");
		tm_err_hint(&err, "use `tmattach stats' for JSON and CSV");
		return cli_error(&err, CLI_ABOUT_FILE);
	}
	return wants_live(options) ? run_live(options) : run_batch(options);
}

const struct cli_command command_top = {
	.name = "top",
	.summary = "Show where the memory was allocated, round after round",
	.args = "SOURCE...",
	.examples =
		"  tmattach 4711\n"
		"  tmattach top -b -d 5 -n 12 4711 > minute.txt\n"
		"  tmattach top -b -p 4711,4712 -k filename\n",
	.groups = CLI_TARGET | CLI_QUERY | CLI_LIMIT | CLI_FILTERS |
		  CLI_REPORT | CLI_ROUNDS,
	.min_sources = 1,
	.max_sources = SIZE_MAX,
	.run = run,
};
