#include "tmattach/run.h"

#include <errno.h>

#include "cli/command.h"
#include "cli/message.h"
#include "cli/options.h"

/* What a shell says where a command cannot be run. */
enum { CANNOT_EXECUTE = 126, NO_SUCH_COMMAND = 127 };

struct saving {
	const struct cli_options *options;
	bool saved;
	bool failed;
};

static void save(void *ctx, struct tm_snapshot *snapshot, bool final)
{
	struct saving *saving = ctx;
	const struct cli_options *o = saving->options;
	const struct tm_codec_opts opts = { 0 };
	struct tm_err err;

	(void)final;
	if (tm_snapshot_save(snapshot, o->output, o->codec, &opts, &err)) {
		saving->saved = true;
	} else {
		cli_error(&err, CLI_ABOUT_FILE);
		saving->failed = true;
	}
	tm_snapshot_destroy(snapshot);
}

static void print_note(void *ctx, const char *text)
{
	(void)ctx;
	cli_note("%s", text);
}

static int cannot_run(const struct tm_err *err)
{
	cli_error(err, CLI_ABOUT_FILE);
	return err->sys_errno == ENOENT ? NO_SUCH_COMMAND : CANNOT_EXECUTE;
}

static int run(const struct cli_options *options)
{
	struct saving saving = { .options = options };
	const struct tm_run_opts opts = {
		.nframe = options->nframe,
		.use_recorder = options->session.use_recorder,
		.sample_bytes = options->session.sample_bytes,
		.in_core = options->session.in_core,
		.snapshot = save,
		.note = print_note,
		.ctx = &saving,
	};
	struct tm_err err;
	int status = 0;

	if (!options->output) {
		if (!tm_run_exec(options->words, &opts, &err))
			return cannot_run(&err);
		return CLI_FAILED; /* not reached */
	}
	if (!tm_run_watched(options->words, &opts, &status, &err))
		return cannot_run(&err);
	if (!saving.saved)
		cli_note("%s: was not written", options->output);
	return status == 0 && saving.failed ? CLI_FAILED : status;
}

const struct cli_command command_run = {
	.name = "run",
	.summary = "Run a command with tracing on from the beginning",
	.args = "COMMAND...",
	.examples =
		"  tmattach run --nframe 25 python3 app.py\n"
		"  tmattach run -o end.tms -- ./script.py --verbose\n"
		"  tmattach run --nframe 20 -o end.tms ./server --port 80\n"
		"  tmattach run -o now.tms python3 -m http.server & kill -USR1 $!\n",
	.groups = CLI_NFRAME | CLI_RECORDER | CLI_SAMPLE | CLI_OUTPUT | CLI_COMMAND,
	.min_sources = 0,
	.max_sources = 0,
	.run = run,
};
