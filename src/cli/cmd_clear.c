#include "cli/command.h"
#include "cli/control.h"
#include "cli/message.h"
#include "tmattach/process.h"

static int clear(struct cli_source *source, const struct cli_options *options)
{
	struct tm_err err;

	if (!tm_session_clear_traces(source->session, options->timeout_ms, &err))
		return cli_error(&err, CLI_ABOUT_PROCESS);
	if (options->verbose || options->children)
		cli_note("%s: all traces are cleared", source->object);
	return CLI_DONE;
}

static int run(const struct cli_options *options)
{
	return cli_control(options, false, clear);
}

const struct cli_command command_clear = {
	.name = "clear",
	.summary = "Clear all traces of a process and keep tracing",
	.args = "PID",
	.examples =
		"  tmattach clear 4711\n"
		"  tmattach clear 4711 && sleep 60 && tmattach stats 4711\n"
		"  tmattach clear --children --name gunicorn\n",
	.groups = CLI_PROCESS | CLI_CHILDREN | CLI_RECORDER | CLI_TIMEOUT,
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
