#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/guard.h"
#include "cli/command.h"
#include "cli/many.h"
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

static int add_source(struct tm_top_source *ret, struct cli_member *member,
		      const struct cli_options *options)
{
	struct cli_source *source = &member->source;
	int status = source->file ? cli_source_read(source, options) : CLI_DONE;

	*ret = (struct tm_top_source){
		.pid = member->pid, .snapshot = source->snapshot,
		.name = source->file, .child = member->found,
	};
	member->shown = true;
	return status;
}

/* The children that have come since the view was begun, one by one. */
struct newcomers {
	struct cli_many *many;
	bool looked;     /* in this round */
};

static pid_t another(void *ctx)
{
	struct newcomers *self = ctx;

	if (!self->looked)
		cli_many_refresh(self->many);
	self->looked = true;
	for (size_t i = 0; i < self->many->n; i++) {
		struct cli_member *member = self->many->members[i];

		if (member->shown)
			continue;
		member->shown = true;
		return member->pid;
	}
	self->looked = false;
	return 0;
}

static int run_view(struct cli_many *many, struct tm_top_opts *opts)
{
	struct newcomers newcomers = { .many = many };
	struct tm_top_source *sources = tm_calloc(many->n, sizeof(*sources));
	struct tm_err err;
	int status = CLI_DONE;

	for (size_t i = 0; i < many->n && status == CLI_DONE; i++)
		status = add_source(&sources[i], many->members[i], many->options);
	opts->sources = sources;
	opts->nsources = many->n;
	if (many->options->children) {
		opts->another = another;
		opts->another_ctx = &newcomers;
	}
	many->quiet = true;
	if (status == CLI_DONE && !tm_top_run(opts, &err))
		status = cli_error(&err, CLI_ABOUT_PROCESS);
	free(sources);
	return status;
}

static int run_live(const struct cli_options *options)
{
	TM_GUARD(cli_many_close) struct cli_many many = { .unattached = true };
	struct tm_top_opts opts = {
		.interval = options->interval, .key = options->query.key,
		.cumulative = options->query.cumulative,
		.filters = options->query.filters,
		.nfilters = options->query.nfilters,
		.session = options->session,
	};
	int status = cli_many_open(&many, options);

	return status ? status : run_view(&many, &opts);
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

static bool show_merged(struct cli_many *many, int *status, struct tm_err *err)
{
	cli_many_refresh(many);
	*status = cli_many_read(many);
	if (*status && *status != CLI_PARTIAL)
		return true;
	if (!cli_many_print(many, err))
		return false;
	putchar('\n');
	return true;
}

/* Several sources are one table, round after round. */
static int run_merged(const struct cli_options *options)
{
	TM_GUARD(cli_many_close) struct cli_many many = { 0 };
	unsigned rounds = options->batch || options->rounds ? options->rounds : 1;
	int status = cli_many_open(&many, options);
	struct timespec next;
	struct tm_err err;

	if (status)
		return status;
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (unsigned done = 1;; done++) {
		if (!show_merged(&many, &status, &err))
			return cli_error(&err, CLI_ABOUT_FILE);
		status = cli_output_finish(status);
		/* That all have ended ends the rounds, as with one. */
		if (done > 1 && status == CLI_NO_TARGET)
			return CLI_DONE;
		if (done == rounds || (status && status != CLI_PARTIAL) ||
		    cli_many_running(&many) == 0)
			return status;
		wait_until(&next, options->interval);
	}
}

static int run(const struct cli_options *options)
{
	if (wants_live(options))
		return run_live(options);
	return cli_is_many(options) ? run_merged(options) : run_batch(options);
}

const struct cli_command command_top = {
	.name = "top",
	.summary = "Show where the memory was allocated, round after round",
	.args = "SOURCE...",
	.examples =
		"  tmattach 4711\n"
		"  tmattach top -b -d 5 -n 12 4711 > minute.txt\n"
		"  tmattach top -b -p 4711,4712 -k filename\n",
	.groups = CLI_SOURCE | CLI_CHILDREN | CLI_QUERY | CLI_LIMIT | CLI_FILTERS |
		  CLI_REPORT | CLI_ROUNDS,
	.formats = "text pretty",
	.min_sources = 1,
	.max_sources = SIZE_MAX,
	.run = run,
};
