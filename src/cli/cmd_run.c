#include "tmattach/run.h"

#include <errno.h>
#include <signal.h>

#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/save.h"

/* What a shell says where a command cannot be run. */
enum { CANNOT_EXECUTE = 126, NO_SUCH_COMMAND = 127 };

struct saving {
	const struct cli_options *options;
	bool saved;
	bool final; /* that of its end */
};

static void save(void *ctx, struct tm_snapshot *snapshot, bool final)
{
	struct saving *saving = ctx;
	const struct cli_options *o = saving->options;
	const struct tm_codec_opts opts = { 0 };
	TM_GUARD(tm_free_ptr) char *path = cli_path_of(o->output, snapshot->meta.pid);
	struct tm_err err;

	if (tm_snapshot_save(snapshot, path, o->codec, &opts, &err)) {
		saving->saved = true;
		saving->final |= final;
	} else {
		cli_error(&err, CLI_ABOUT_FILE);
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

/* One that comes when the command has ended; the command itself begins with
 * what it would have without us. */
static void too_late(int sig)
{
	(void)sig;
}

static void restore_signals(void *ctx)
{
	(void)ctx;
	cli_restore_write_signals();
}

static int need_each(void)
{
	struct tm_err err;

	tm_err_set(&err, TM_ERR_USAGE, "--children", "each process writes a snapshot of its own: "
		   "-o needs a name with %%p in it");
	tm_err_hint(&err, "-o 'end.%%p.tms' has the process id instead of %%p");
	return cli_error(&err, CLI_ABOUT_FILE);
}

static int run(const struct cli_options *options)
{
	struct saving saving = { .options = options };
	const struct tm_run_opts opts = {
		.nframe = options->nframe,
		.children = options->children,
		.use_recorder = options->session.use_recorder,
		.sample_bytes = options->session.sample_bytes,
		.exact = options->session.exact,
		.c_frames = options->session.c_frames,
		.maps = options->session.maps,
		.in_core_dumps = options->session.in_core_dumps,
		.allocs = options->allocs, .nallocs = options->session.nallocs,
		.frees = options->frees, .nfrees = options->session.nfrees,
		.snapshot = save,
		.note = print_note,
		.before_exec = restore_signals,
		.ctx = &saving,
	};
	struct tm_err err;
	int status = 0;

	if (options->children && (!options->output || !cli_path_is_each(options->output)))
		return need_each();
	if (!options->output) {
		if (!tm_run_exec(options->words, &opts, &err))
			return cannot_run(&err);
		return CLI_FAILED; /* not reached */
	}
	if (signal(SIGUSR1, too_late) == SIG_IGN)
		signal(SIGUSR1, SIG_IGN);
	if (!tm_run_watched(options->words, &opts, &status, &err))
		return cannot_run(&err);
	if (!saving.final)
		cli_note("%s: %s", options->output, saving.saved
			 ? "holds the snapshot of a SIGUSR1, not one of its end" : "was not written");
	return status == 0 && !saving.final ? CLI_FAILED : status;
}

const struct cli_command command_run = {
	.name = "run",
	.summary = "Run a command with tracing on from the beginning",
	.args = "COMMAND...",
	.examples =
		"  tmattach run --nframe 25 python3 app.py\n"
		"  tmattach run -o end.tms -- ./script.py --verbose\n"
		"  tmattach run --children -o 'end.%p.tms' python3 pool.py\n"
		"  tmattach run --nframe 20 --exact -o end.tms python3 app.py\n"
		"  tmattach run --nframe 20 -o end.tms ./server --port 80\n"
		"  tmattach run -o now.tms python3 -m http.server & kill -USR1 $!\n",
	.groups = CLI_NFRAME | CLI_RECORDER | CLI_SAMPLE | CLI_EXACT | CLI_OUTPUT | CLI_COMMAND |
		  CLI_CHILDREN,
	.min_sources = 0,
	.max_sources = 0,
	.run = run,
};
