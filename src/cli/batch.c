#include "cli/batch.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/guard.h"
#include "cli/many.h"
#include "cli/message.h"
#include "cli/output.h"

/* One source, or several together, round after round. */
struct rounds {
	const struct cli_options *options;
	unsigned n;       /* rounds; 0: without end */
	bool any;         /* one of them had traces */
	bool told;        /* that there are none now */
};

static unsigned rounds_wanted(const struct cli_options *options)
{
	/* Without a terminal, -b or -n one round, as for `tmattach PID | less`. */
	return options->batch || options->rounds ? options->rounds : 1;
}

/* To the moment that is `interval` seconds after *next. */
static void wait_for_round(uint64_t *next, double interval)
{
	struct timespec until;

	*next += (uint64_t)(interval * (double)TM_NS_PER_S);
	until = tm_timespec(*next);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0)
		;
}

/*
 * A round without traces; others may have some. Until then nothing is printed: rounds
 * that never had any have failed, and what failed prints nothing.
 */
static void print_without(struct rounds *self, const char *name, const char *command,
			  const char *why)
{
	struct report how = cli_options_report(self->options, NULL);
	struct tm_meta meta = { .taken_at = tm_wall_clock_ms() };

	if (self->any) {
		snprintf(meta.command, sizeof(meta.command), "%s", command);
		report_round_without(&how, &meta, name, why);
		putchar('\n');
	}
	if (!self->told)
		cli_note("%s: %s; continuing", name, why);
	self->told = true;
}

/* What happens to a round that failed. */
static int without(struct rounds *self, const struct cli_source *source,
		   const struct tm_err *err)
{
	if (self->n == 1 || !cli_source_waits(err)) {
		/* That it has ended ends the rounds, and is not a failure. */
		int status = cli_error(err, cli_source_subject(source));

		return self->any ? CLI_DONE : status;
	}
	print_without(self, source->object, source->session ?
		      tm_session_command(source->session) : "", err->cause);
	return CLI_DONE;
}

/* ---- one source ------------------------------------------------------------------ */

static bool print_source(const struct cli_source *source,
			 const struct cli_options *options, struct tm_err *err)
{
	struct report how = cli_options_report(options, source->lines);
	struct tm_stats *stats = tm_snapshot_statistics(source->snapshot,
							&options->query, err);

	if (!stats)
		return false;
	report_round(&how, stats, &options->query, source->snapshot,
		     source->file ? source->file : source->object);
	tm_stats_destroy(stats);
	putchar('\n');
	return true;
}

/* An exit status; *ret_over: there are no more rounds. */
static int show_source(struct rounds *self, struct cli_source *source, bool *ret_over)
{
	struct tm_err err = { 0 };

	*ret_over = source->file != NULL;
	if (!cli_source_sample(source, self->options, &err)) {
		*ret_over = !cli_source_waits(&err);
		return without(self, source, &err);
	}
	self->any = true;
	self->told = false;
	return print_source(source, self->options, &err) ? CLI_DONE
							 : cli_error(&err, CLI_ABOUT_FILE);
}

/* If no round had a trace, that is a failure. */
static int outcome(const struct rounds *self, int status)
{
	return status == CLI_DONE && !self->any ? CLI_NOT_TRACED : status;
}

static int run_one(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	struct rounds self = { .options = options, .n = rounds_wanted(options) };
	int status = cli_source_open(&source, &options->sources[0], options);
	uint64_t next = tm_now_ns();
	bool over;

	if (status)
		return status;
	for (unsigned done = 1;; done++) {
		status = cli_output_finish(show_source(&self, &source, &over));
		if (status || over || done == self.n)
			return outcome(&self, status);
		wait_for_round(&next, options->interval);
	}
}

/* ---- several sources: one table ---------------------------------------------------- */

static int show_merged(struct rounds *self, struct cli_many *many)
{
	char name[32];
	struct tm_err err;
	int status;

	cli_many_refresh(many);
	status = cli_many_read(many);
	if (status == CLI_NOT_TRACED && self->n != 1) {
		snprintf(name, sizeof(name), "%zu processes", many->n);
		print_without(self, name, "", "none of them is being traced now");
		return CLI_DONE;
	}
	if (status && status != CLI_PARTIAL)
		return status;
	self->any = true;
	self->told = false;
	if (!cli_many_print(many, &err))
		return cli_error(&err, CLI_ABOUT_FILE);
	putchar('\n');
	return status;
}

static int run_merged(const struct cli_options *options)
{
	TM_GUARD(cli_many_close) struct cli_many many = { 0 };
	struct rounds self = { .options = options, .n = rounds_wanted(options) };
	int status = cli_many_open(&many, options);
	uint64_t next = tm_now_ns();

	if (status)
		return status;
	for (unsigned done = 1;; done++) {
		status = cli_output_finish(show_merged(&self, &many));
		/* That all have ended ends the rounds, as with one. */
		if (done > 1 && status == CLI_NO_TARGET)
			return outcome(&self, CLI_DONE);
		if (done == self.n || (status && status != CLI_PARTIAL) ||
		    cli_many_running(&many) == 0)
			return outcome(&self, status);
		wait_for_round(&next, options->interval);
	}
}

int cli_top_batch(const struct cli_options *options)
{
	return cli_is_many(options) ? run_merged(options) : run_one(options);
}
