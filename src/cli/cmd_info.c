#include <stdio.h>

#include "base/guard.h"
#include "cli/command.h"
#include "cli/many.h"
#include "cli/message.h"
#include "cli/output.h"

static bool print_info(struct cli_source *source, const struct cli_options *options,
		       struct tm_err *err)
{
	struct report how = cli_options_report(options, NULL);
	struct report_info info = {
		.snapshot = source->snapshot, .file = source->file,
		.tracing = source->tracing,
	};
	struct tm_status status;
	struct tm_err ignored;

	/* If it exits here, print what we have. */
	if (source->has_memory ||
	    (source->session &&
	     tm_session_memory(source->session, &source->memory, &ignored)))
		info.memory = &source->memory;
	if (source->session && tm_session_status(source->session, &status, &ignored))
		info.status = &status;
	return report_info(&how, &info, err);
}

/* The figures of memory are of the instant of the snapshot: it is stopped once. */
static int read_info(struct cli_source *source, const struct cli_options *options)
{
	source->wants_memory = true;
	return cli_source_read_any(source, options);
}

static int run_one(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	struct tm_err err = { 0 };
	int status = cli_source_open(&source, &options->sources[0], options);

	if (status == CLI_DONE)
		status = read_info(&source, options);
	if (status)
		return status;
	return cli_output_written(print_info(&source, options, &err), &err,
				  cli_source_status(&source));
}

/* One block, or one line of JSON, for each. */
static int run_many(const struct cli_options *options)
{
	TM_GUARD(cli_many_close) struct cli_many many = { 0 };
	int status = cli_many_open(&many, options), worst = CLI_DONE;
	struct tm_err err = { 0 };
	bool ok = true, any = false;

	if (status)
		return status;
	for (size_t i = 0; i < many.n && ok; i++) {
		struct cli_source *source = &many.members[i]->source;

		status = read_info(source, options);
		if (status == CLI_DONE) {
			if (any && options->format != REPORT_JSON)
				putchar('\n');
			ok = print_info(source, options, &err);
			any = true;
			status = cli_source_status(source);
		}
		worst = status ? status : worst;
	}
	return cli_output_written(ok, &err, any && worst ? CLI_PARTIAL : worst);
}

static int run(const struct cli_options *options)
{
	return cli_is_many(options) ? run_many(options) : run_one(options);
}

const struct cli_command command_info = {
	.name = "info",
	.summary = "Show the runtime, whether it is tracing, current and peak size",
	.args = "SOURCE...",
	.examples =
		"  tmattach info 4711\n"
		"  tmattach info -f json leak.tms\n"
		"  tmattach info --name app.py\n",
	.groups = CLI_SOURCE | CLI_CHILDREN | CLI_REPORT,
	.min_sources = 1,
	.max_sources = SIZE_MAX,
	.run = run,
};
