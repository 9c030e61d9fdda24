#include <stdio.h>

#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/process.h"
#include "cli/report.h"
#include "tmattach/codec.h"

static void close_reader(struct tm_thread_reader **reader)
{
	tm_thread_reader_close(*reader);
}

static void destroy_threads(struct tm_threads **threads)
{
	tm_threads_destroy(*threads);
}

static void tell(const struct tm_threads *threads,
		 const struct cli_options *options)
{
	if (threads->note[0])
		cli_note("pid %d: %s", (int)threads->meta.pid, threads->note);
	if (options->verbose)
		cli_note("pid %d: %zu threads, stopped for %.3f ms",
			 (int)threads->meta.pid, threads->n,
			 (double)threads->meta.pause_ns / 1e6);
}

static int run(const struct cli_options *options)
{
	TM_GUARD(close_reader) struct tm_thread_reader *reader = NULL;
	TM_GUARD(destroy_threads) struct tm_threads *threads = NULL;
	struct tm_err err = { 0 };
	bool ok = true;
	pid_t pid;
	int status = cli_process_pid(&pid, options);

	if (status)
		return status;
	reader = tm_thread_reader_open(pid, &err);
	if (reader)
		threads = tm_threads_sample(reader, &err);
	if (!threads)
		return cli_error(&err, CLI_ABOUT_PROCESS);
	tell(threads, options);
	if (options->format == CLI_JSON)
		ok = tm_write_threads_json(threads, stdout, &err);
	else
		cli_text_threads(threads);
	return cli_output_written(ok, &err, CLI_DONE);
}

const struct cli_command command_threads = {
	.name = "threads",
	.summary = "Show the stacks of all threads, native and Python",
	.args = "PID",
	.examples =
		"  tmattach threads 4711\n"
		"  tmattach threads -f json --name app.py\n",
	.groups = CLI_PROCESS | CLI_REPORT,
	.formats = "text pretty json",
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
