#include "cli/command.h"
#include "cli/control.h"
#include "cli/message.h"
#include "tmattach/process.h"

/* Which of the two that a CPython may have. */
static bool is_recorded(const struct cli_source *source)
{
	struct tm_status status;
	struct tm_err err;

	return tm_session_status(source->session, &status, &err) && status.recorder &&
	       status.kind == TM_RUNTIME_CPYTHON;
}

static int stop(struct cli_source *source, const struct cli_options *options)
{
	struct tm_control_result done = { 0 };
	bool recorded = is_recorded(source);
	struct tm_err err;

	if (!tm_session_stop_tracing(source->session, options->timeout_ms, &done, &err))
		return cli_error(&err, CLI_ABOUT_PROCESS);
	if (!done.changed)
		cli_note("%s: was not tracing", source->object);
	else if (recorded)
		cli_note("%s: the recorder is out of Python's allocators again",
			 source->object);
	else if (options->verbose || options->children)
		cli_note("%s: no longer tracing", source->object);
	return CLI_DONE;
}

/* Where no CPython is and no recorder, nothing is tracing. */
static int run(const struct cli_options *options)
{
	return cli_control(options, true, stop);
}

const struct cli_command command_stop = {
	.name = "stop",
	.summary = "Stop tracing in a process and discard its traces",
	.args = "PID",
	.examples =
		"  tmattach stop 4711\n"
		"  tmattach dump 4711 -o last.tms && tmattach stop 4711\n"
		"  tmattach stop --children --name gunicorn\n",
	.groups = CLI_PROCESS | CLI_CHILDREN | CLI_RECORDER | CLI_TIMEOUT,
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
