#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/process.h"
#include "tmattach/control.h"

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	int status = cli_process_open(&source, options);
	struct tm_err err;

	if (status)
		return status;
	if (!tm_session_clear_traces(source.session, options->timeout_ms, &err))
		return cli_error(&err, CLI_ABOUT_PROCESS);
	if (options->verbose)
		cli_note("%s: all traces are forgotten", source.object);
	return CLI_DONE;
}

const struct cli_command command_clear = {
	.name = "clear",
	.summary = "Forget all traces of a process and go on tracing",
	.args = "PID",
	.examples =
		"  tmattach clear 4711\n"
		"  tmattach clear 4711 && sleep 60 && tmattach stats 4711\n",
	.groups = CLI_PROCESS | CLI_RECORDER | CLI_TIMEOUT,
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
