#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/control.h"
#include "cli/message.h"
#include "tmattach/process.h"

/* Of the recorder in Python's allocators: how much of all it takes. */
static void tell_share(const struct tm_status *status, char ret[static 64])
{
	char unit[32];

	snprintf(ret, 64, "every block");
	if (!status->sample_bytes)
		return;
	tm_format_size(unit, (double)status->sample_bytes, false);
	snprintf(ret, 64, "one block in %s on average", unit);
}

/* What sees what C code takes from malloc(). --native does in a CPython that keeps where its
 * functions are called (3.10 on) and has pymalloc right above malloc, as builds that are called
 * more than their version do not ("CPython 3.14.2 debug"); others show once it was asked for. */
static const char *what_sees_c(const struct tm_status *status)
{
	unsigned minor = 0;
	int end = 0;

	if (status->c_frames ||
	    sscanf(status->runtime, "CPython 3.%u.%*u%n", &minor, &end) != 1 || minor < 10 ||
	    status->runtime[end])
		return "--recorder does";
	return status->recorder ? "--native or --recorder does"
				: "--exact --native or --recorder does";
}

/* Which tracer it is now, and what that cannot see. */
static void tell_tracer(const struct cli_source *source, const struct tm_status *status)
{
	const char *unseen = status->c_memory ? "" : ", nor what C code takes from malloc(): ";
	const char *seen = status->c_memory ? "" : what_sees_c(status);
	const char *frames = status->traceback_limit == 1 ? "frame" : "frames";
	const bool native = strcmp(status->runtime, "native") == 0;
	char share[64];

	tell_share(status, share);
	if (status->kind == TM_RUNTIME_CPYTHON && status->recorder)
		cli_note("%s: the recorder is in the allocators of %s, %s, %u %s each%s; it "
			 "does not see what was allocated before%s%s%s",
			 source->object, status->runtime, share, status->traceback_limit,
			 frames, status->c_frames ? " and C functions between them" : "",
			 unseen, seen,
			 status->sample_bytes || status->reuse == TM_REUSE_FOLLOWED ? "" :
			 "; a block from a free list keeps its first trace");
	else if (status->kind == TM_RUNTIME_CPYTHON)
		cli_note("%s: tracemalloc of %s is on, %u %s each; it does not see what "
			 "was allocated before%s%s", source->object, status->runtime,
			 status->traceback_limit, frames, unseen, seen);
	else
		cli_note("%s: the recorder is in it, %s, %u %s each%s; it does not see what "
			 "was allocated before%s", source->object,
			 native ? "a native program" : "as --recorder asks",
			 status->traceback_limit, frames,
			 status->maps ? ", mappings in domain 68" : "", native ? "" :
			 ", nor lines of Python (`tmattach threads' shows those of a "
			 "moment), nor objects within Python's arenas (tracemalloc does)");
}

/* What is there is another one than was asked for. */
static bool is_another(const struct cli_options *options, const struct tm_status *status)
{
	const struct tm_session_opts *opts = &options->session;

	return status->sample_bytes != opts->sample_bytes || (opts->maps && !status->maps) ||
	       (status->kind == TM_RUNTIME_CPYTHON &&
		(status->c_frames != opts->c_frames ||
		 status->recorder != (opts->exact || opts->sample_bytes > 0)));
}

static void tell_old(const struct cli_source *source, const struct cli_options *options,
		     const struct tm_control_result *done, const struct tm_status *status)
{
	cli_note("%s: was tracing already, with a traceback limit of %u%s",
		 source->object, done->traceback_limit,
		 status->recorder && status->kind == TM_RUNTIME_CPYTHON ?
		 ", by the recorder in Python's allocators" : "");
	if (done->traceback_limit != options->nframe)
		cli_note("another limit needs `tmattach stop' first, which forgets all traces");
	else if (is_another(options, status))
		cli_note("what was asked for needs `tmattach stop' first, which forgets all traces");
}

static void tell(const struct cli_source *source, const struct cli_options *options,
		 const struct tm_control_result *done)
{
	struct tm_status status = { 0 };
	struct tm_err err;
	bool known = tm_session_status(source->session, &status, &err);

	if (!done->changed) {
		tell_old(source, options, done, &status);
		return;
	}
	if (known)
		tell_tracer(source, &status);
	if (done->traceback_limit < options->nframe)
		cli_note("it keeps %u frames at most", done->traceback_limit);
}

/* tracemalloc's table is in every core dump. */
static bool check_recorder_options(const struct cli_source *source,
				   const struct cli_options *options,
				   struct tm_err *err)
{
	const struct tm_session_opts *opts = &options->session;
	const bool in_python = opts->exact || opts->sample_bytes;
	const char *native = opts->nallocs ? "--alloc" : opts->nfrees ? "--free" :
			     opts->maps ? "--maps" : NULL;
	const char *option = native ? native :
			     opts->in_core_dumps && !in_python ? "--in-core" : NULL;
	struct tm_status status;

	if (!option)
		return true;
	if (!tm_session_status(source->session, &status, err))
		return false;
	if (status.kind == TM_RUNTIME_NATIVE)
		return true;
	tm_err_set(err, TM_ERR_USAGE, option, "is the recorder's, and %s is %s",
		   source->object, status.runtime);
	if (native)
		return tm_err_hint(err, "in a CPython it goes with --recorder, not with "
				   "--sample or --exact");
	return tm_err_hint(err, "--sample or --exact puts the recorder into the allocators "
			   "of a CPython, --recorder into malloc");
}

static int start(struct cli_source *source, const struct cli_options *options)
{
	struct tm_control_result done = { 0 };
	struct tm_err err;

	if (!check_recorder_options(source, options, &err) ||
	    !tm_session_start_tracing(source->session, options->nframe,
				      options->timeout_ms, &done, &err))
		return cli_error(&err, CLI_ABOUT_PROCESS);
	tell(source, options, &done);
	return CLI_DONE;
}

/* Where no CPython is, a recorder is put. */
static int run(const struct cli_options *options)
{
	return cli_control(options, true, start);
}

const struct cli_command command_start = {
	.name = "start",
	.summary = "Start tracing in a running process",
	.args = "PID",
	.examples =
		"  tmattach start 4711\n"
		"  tmattach start --nframe 25 --name app.py\n"
		"  tmattach start 4711 && sleep 60 && tmattach stats 4711\n"
		"  tmattach start --children --name gunicorn\n"
		"  tmattach start --nframe 20 --sample 512K --name gunicorn\n"
		"  tmattach start --nframe 20 --sample 512K --name redis-server\n",
	.groups = CLI_PROCESS | CLI_CHILDREN | CLI_FOLLOW | CLI_RECORDER | CLI_NFRAME | CLI_TIMEOUT |
		  CLI_SAMPLE | CLI_EXACT,
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
