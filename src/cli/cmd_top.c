#include <stdlib.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "cli/batch.h"
#include "cli/command.h"
#include "cli/many.h"
#include "cli/message.h"
#include "tui/tui.h"

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
		.skip = options->query.skip,
		.filters = options->query.filters,
		.nfilters = options->query.nfilters,
		.session = options->session,
	};
	int status = cli_many_open(&many, options);

	opts.session.functions = true;
	opts.session.ages = true;
	return status ? status : run_view(&many, &opts);
}

static bool wants_live(const struct cli_options *options)
{
	return !options->batch && options->rounds == 0 &&
	       isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
}

static int run(const struct cli_options *options)
{
	if (wants_live(options))
		return run_live(options);
	return cli_top_batch(options);
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
		  CLI_REPORT | CLI_FUNCTIONS | CLI_AGES | CLI_ROUNDS,
	.formats = "text pretty",
	.min_sources = 1,
	.max_sources = SIZE_MAX,
	.run = run,
};
