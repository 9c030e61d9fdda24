#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/process.h"
#include "tmattach/control.h"

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	/* Where no CPython is and no recorder, nothing is tracing. */
	int status = cli_process_open_any(&source, options);
	struct tm_control done;
	struct tm_err err;

	if (status)
		return status;
	if (!tm_session_stop_tracing(source.session, options->timeout_ms, &done,
				     &err))
		return cli_error(&err, CLI_ABOUT_PROCESS);
	if (!done.changed)
		cli_note("%s: was not tracing", source.object);
	else if (options->verbose)
		cli_note("%s: not tracing any more", source.object);
	return CLI_DONE;
}

const struct cli_command command_stop = {
	.name = "stop",
	.summary = "Stop tracing in a process and forget all its traces",
	.args = "PID",
	.examples =
		"  tmattach stop 4711\n"
		"  tmattach dump 4711 -o last.tms && tmattach stop 4711\n",
	.groups = CLI_PROCESS | CLI_RECORDER | CLI_TIMEOUT,
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
