#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/process.h"

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	int status = cli_process_open(&source, options);
	struct tm_err err;

	if (status)
		return status;
	if (!tm_session_reset_peak(source.session, &err))
		return cli_error(&err, CLI_ABOUT_PROCESS);
	if (options->verbose)
		cli_note("%s: the peak is now the current size", source.object);
	return CLI_DONE;
}

const struct cli_command command_reset_peak = {
	.name = "reset-peak",
	.summary = "Set the peak of the traced memory to its current size",
	.args = "PID",
	.examples =
		"  tmattach reset-peak 4711\n"
		"  tmattach reset-peak --name app.py && sleep 60 && "
		"tmattach info --name app.py\n",
	.groups = CLI_PROCESS | CLI_RECORDER,
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
