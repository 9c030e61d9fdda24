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

/* tracemalloc knows no samples, and its table is in every core dump. */
static bool check_recorder_options(const struct cli_source *source,
				   const struct cli_options *options,
				   struct tm_err *err)
{
	const char *option = options->session.sample_bytes ? "--sample" :
			     options->session.in_core ? "--in-core" : NULL;
	struct tm_status status;

	if (!option)
		return true;
	if (!tm_session_status(source->session, &status, err))
		return false;
	if (status.kind == TM_RUNTIME_NATIVE)
		return true;
	tm_err_set(err, TM_ERR_USAGE, option, "is the recorder's, and %s is %s",
		   source->object, status.runtime);
	return tm_err_hint(err, "--recorder brings the recorder into a CPython, "
			   "too");
}

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	/* Where no CPython is, a recorder is put. */
	int status = cli_process_open_any(&source, options);
	struct tm_control done;
	struct tm_err err;

	if (status)
		return status;
	if (!check_recorder_options(&source, options, &err) ||
	    !tm_session_start_tracing(source.session, options->nframe,
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
	.groups = CLI_PROCESS | CLI_RECORDER | CLI_NFRAME | CLI_TIMEOUT | CLI_SAMPLE,
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
