#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/source.h"

static int reset(struct cli_source *source)
{
	struct tm_err err;

	if (source->file) {
		tm_err_set(&err, TM_ERR_USAGE, source->file,
			   "is a file; reset-peak takes a process");
		return cli_error(&err, CLI_ABOUT_FILE);
	}
	if (!tm_session_reset_peak(source->session, &err))
		return cli_error(&err, CLI_ABOUT_PROCESS);
	return CLI_DONE;
}

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	int status = cli_source_open(&source, &options->sources[0], options);

	return status ? status : reset(&source);
}

const struct cli_command command_reset_peak = {
	.name = "reset-peak",
	.summary = "Set the peak of the traced memory to its current size",
	.args = "PID",
	.examples =
		"  tmattach reset-peak 4711\n"
		"  tmattach reset-peak --name app.py && sleep 60 && "
		"tmattach info --name app.py\n",
	.groups = CLI_TARGET,
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
