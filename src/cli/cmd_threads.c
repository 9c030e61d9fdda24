#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/process.h"

static void destroy_threads(struct tm_threads **threads)
{
	tm_threads_destroy(*threads);
}

static void tell(const struct cli_source *source, const struct tm_threads *threads,
		 const struct cli_options *options)
{
	if (threads->note[0])
		cli_note("%s: %s", source->object, threads->note);
	if (options->verbose && !source->file)
		cli_note("%s: %zu threads, %zu tasks and greenlets, stopped for "
			 "%.3f ms", source->object, threads->nthreads,
			 threads->n - threads->nthreads,
			 (double)threads->meta.pause_ns / 1e6);
}

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	TM_GUARD(destroy_threads) struct tm_threads *threads = NULL;
	struct report how = cli_options_report(options, NULL);
	struct cli_options any = *options;
	struct tm_err err = { 0 };
	int status;

	any.session.allow_any = true;
	status = cli_process_or_core(&source, &any);
	if (status)
		return status;
	threads = tm_session_threads(source.session, &err);
	if (!threads)
		return cli_error(&err, cli_source_subject(&source));
	tell(&source, threads, options);
	return cli_output_written(report_threads(&how, threads, &err), &err,
				  CLI_DONE);
}

const struct cli_command command_threads = {
	.name = "threads",
	.summary = "Show the stacks of all threads, native and Python",
	.args = "SOURCE",
	.examples =
		"  tmattach threads 4711\n"
		"  tmattach threads core.4711\n"
		"  tmattach threads -f json --name app.py\n",
	.groups = CLI_PROCESS | CLI_EXE | CLI_REPORT,
	.formats = "text pretty json",
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
