#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/process.h"
#include "tmattach/control.h"

static void tell(const struct cli_source *source, const struct cli_options *options,
		 const struct tm_control *done)
{
	if (done->changed) {
		if (options->verbose)
			cli_note("%s: tracing with a traceback limit of %u",
				 source->object, done->traceback_limit);
		return;
	}
	cli_note("%s: was tracing already, with a traceback limit of %u",
		 source->object, done->traceback_limit);
	if (done->traceback_limit != options->nframe)
		cli_note("another limit needs `tmattach stop' first, which forgets all traces");
}

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	struct cli_options any = *options;
	struct tm_control done;
	struct tm_err err;
	int status;

	/* Where no CPython is, a recorder is put. */
	any.session.native_too = true;
	status = cli_process_open(&source, &any);
	if (status)
		return status;
	if (!tm_session_start_tracing(source.session, options->nframe,
				      options->timeout_ms, &done, &err))
		return cli_error(&err, CLI_ABOUT_PROCESS);
	tell(&source, options, &done);
	return CLI_DONE;
}

const struct cli_command command_start = {
	.name = "start",
	.summary = "Start tracing in a running process",
	.args = "PID",
	.examples =
		"  tmattach start 4711\n"
		"  tmattach start --nframe 25 --name app.py\n"
		"  tmattach start 4711 && sleep 60 && tmattach stats 4711\n"
		"  tmattach start --nframe 20 --sample 512K --name redis-server\n",
	.groups = CLI_TARGET | CLI_NFRAME | CLI_TIMEOUT | CLI_SAMPLE,
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
