#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/guard.h"
#include "cli/command.h"
#include "cli/http.h"
#include "cli/many.h"
#include "cli/message.h"
#include "cli/metrics.h"
#include "cli/process.h"
#include "cli/units.h"
#include "cli/watch.h"

struct watch {
	const struct cli_options *options;
	const struct cli_watch_opts *opts;
	struct cli_many many;
	struct cli_http *http;
	struct cli_metrics metrics;
	sigset_t ending;
	int status;        /* of the worst that happened */
};

/* ---- one process, one round ---------------------------------------------------- */

static void trouble(struct cli_member *member, const struct tm_err *err)
{
	if (err->kind == TM_ERR_GONE) {
		member->ended = true;
		cli_note("%s: has ended", member->source.object);
	} else if (err->kind == TM_ERR_NOT_TRACED || err->kind == TM_ERR_NO_RUNTIME) {
		if (!member->told)
			cli_note("%s: %s; watching it anyway",
				 member->source.object, err->cause);
		member->told = true;
	} else if (err->sys_errno != EINTR) { /* else we are told to end */
		cli_error(err, CLI_ABOUT_PROCESS);
	}
}

static void save(struct watch *watch, struct cli_member *member)
{
	const struct tm_snapshot *snapshot = member->source.snapshot;
	const struct tm_codec *codec = watch->options->codec;
	const struct tm_codec_opts opts = { 0 };
	TM_GUARD(tm_free_ptr) char *path = NULL;
	struct tm_err err;

	path = cli_watch_path(watch->opts, codec, &snapshot->meta);
	if (!tm_snapshot_save(snapshot, path, codec, &opts, &err)) {
		/* A full disk may have room again in an hour: go on. */
		watch->status = cli_error(&err, CLI_ABOUT_FILE);
		return;
	}
	member->watched.snapshots++;
	if (watch->options->verbose)
		cli_note("%s: %s", member->source.object, path);
	cli_watch_expire(watch->opts, codec, member->pid);
}

/* Each time that it stops, or starts again after that. */
static void tell_tracing(struct cli_member *member, bool on)
{
	if (!on && !member->told)
		cli_note("%s: %s is not tracing memory allocations; watching it anyway",
			 member->source.object, member->status.runtime);
	else if (on && member->told)
		cli_note("%s: %s is tracing again", member->source.object,
			 member->status.runtime);
	member->told = !on;
}

/* It may have become another program by exec(). */
static bool read_status(const struct watch *watch, struct cli_member *member,
			struct tm_err *err)
{
	struct cli_source *source = &member->source;

	if (source->session && tm_session_status(source->session, &member->status, err))
		return true;
	for (int execs = 0; execs < CLI_EXECS &&
			    cli_source_follow(source, watch->options, err); execs++)
		if (tm_session_status(source->session, &member->status, err))
			return true;
	return false;
}

static void look_at(struct watch *watch, struct cli_member *member)
{
	const struct cli_watch_opts *opts = watch->opts;
	const struct cli_watched before = member->watched;
	bool on, due;
	struct tm_err err;

	member->fresh = false;
	if (!read_status(watch, member, &err)) {
		trouble(member, &err);
		return;
	}
	on = member->status.tracing == TM_TRACING_ON;
	tell_tracing(member, on);
	due = on && opts->dump_dir &&
	      cli_watch_due(opts, &member->watched, member->status.traced_current);
	if (!due && !(watch->http && opts->top && on))
		return;
	if (!cli_source_sample(&member->source, watch->options, &err)) {
		trouble(member, &err);
		/* Due still: the next round is another try. */
		member->watched = before;
		return;
	}
	member->fresh = true;
	member->watched.paused_seconds +=
		(double)member->source.snapshot->meta.pause_ns / 1e9;
	cli_source_status(&member->source);
	if (due)
		save(watch, member);
}

/* ---- what is told ---------------------------------------------------------------- */

static void publish(struct watch *watch)
{
	struct cli_metric_row *rows = tm_calloc(watch->many.n + 1, sizeof(*rows));
	TM_GUARD(tm_buf_free) struct tm_buf open = { 0 };
	TM_GUARD(tm_buf_free) struct tm_buf plain = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < watch->many.n; i++) {
		const struct cli_member *member = watch->many.members[i];

		if (!member->ended && member->source.session)
			rows[n++] = (struct cli_metric_row){
				.pid = member->pid,
				.command = tm_session_command(member->source.session),
				.status = &member->status,
				.snapshot = member->fresh ? member->source.snapshot
							  : NULL,
				.paused_seconds = member->watched.paused_seconds,
				.snapshots = member->watched.snapshots,
			};
	}
	cli_metrics_print(&watch->metrics, true, rows, n, &open);
	cli_metrics_print(&watch->metrics, false, rows, n, &plain);
	cli_http_publish(watch->http, open.data, open.len, plain.data, plain.len);
	free(rows);
}

/* ---- rounds ------------------------------------------------------------------------ */

/* Until the next round; false when a signal says that it is over. Rounds that
 * were too long for the interval are left out. */
static bool wait_for_round(struct watch *watch, uint64_t *next)
{
	int got;

	*next += (uint64_t)(watch->opts->every * (double)TM_NS_PER_S);
	do {
		uint64_t now = tm_now_ns();
		struct timespec left;

		if (*next < now)
			*next = now;
		left = tm_timespec(*next - now);
		got = sigtimedwait(&watch->ending, NULL, &left);
	} while (got < 0 && errno == EINTR);
	return got < 0;
}

static bool follows(const struct watch *watch)
{
	return watch->many.by_name;
}

static int rounds(struct watch *watch)
{
	uint64_t next = tm_now_ns();

	if (cli_many_running(&watch->many) == 0)
		cli_note("no process has this name yet; waiting for one");
	for (unsigned done = 1;; done++) {
		cli_many_refresh(&watch->many);
		for (size_t i = 0; i < watch->many.n; i++)
			look_at(watch, watch->many.members[i]);
		if (watch->http)
			publish(watch);
		if (cli_many_running(&watch->many) == 0 && !follows(watch)) {
			cli_note("all processes have ended");
			return watch->status;
		}
		if (done == watch->options->rounds ||
		    !wait_for_round(watch, &next))
			return watch->status;
	}
}

static int start_http(struct watch *watch)
{
	const struct cli_watch_opts *opts = watch->opts;
	struct tm_err err;

	if (!opts->host)
		return CLI_DONE;
	watch->http = cli_http_start(opts->host, opts->port, &err);
	if (!watch->http)
		return cli_error(&err, CLI_ABOUT_FILE);
	cli_note(strchr(opts->host, ':') ? "serving http://[%s]:%u/metrics"
					 : "serving http://%s:%u/metrics",
		 opts->host, cli_http_port(watch->http));
	if (!cli_host_is_local(opts->host))
		cli_note("other machines may reach this address: there is no "
			 "authentication, and file names and command lines are "
			 "served");
	return CLI_DONE;
}

static int check_directory(const char *path)
{
	struct tm_err err;

	if (!path || access(path, W_OK | X_OK) == 0)
		return CLI_DONE;
	tm_err_os(&err, errno, path, "cannot write there");
	return cli_error(&err, CLI_ABOUT_FILE);
}

static int refuse_files(const struct cli_options *options)
{
	for (size_t i = 0; i < options->nsources; i++) {
		int status = cli_process_refuse_file(&options->sources[i],
						     options);

		if (status)
			return status;
	}
	return CLI_DONE;
}

static int run(const struct cli_options *options)
{
	struct watch watch = {
		.options = options, .opts = &options->watch,
		.metrics.top = options->watch.top,
		.many.by_name = true,
	};
	int status = refuse_files(options);

	sigemptyset(&watch.ending);
	sigaddset(&watch.ending, SIGINT);
	sigaddset(&watch.ending, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &watch.ending, NULL);
	watch.many.by_name = cli_many_has_names(options);
	if (!status)
		status = check_directory(watch.opts->dump_dir);
	if (!status)
		status = cli_many_open(&watch.many, options);
	if (!status)
		status = start_http(&watch);
	if (!status)
		status = rounds(&watch);
	cli_http_stop(watch.http);
	cli_metrics_free(&watch.metrics);
	cli_many_close(&watch.many);
	return status;
}

const struct cli_command command_watch = {
	.name = "watch",
	.summary = "Take snapshots unattended, and serve figures to Prometheus",
	.args = "PID...",
	.examples =
		"  tmattach watch 4711 --every 60s --growth 20% --dump-dir /var/tmp\n"
		"  tmattach watch --name app.py --above 2G --dump-dir . --keep 5\n"
		"  tmattach watch --children --name gunicorn "
		"--metrics 127.0.0.1:9464\n",
	.groups = CLI_PROCESS | CLI_RECORDER | CLI_READ | CLI_CHILDREN | CLI_WATCH,
	.min_sources = 1,
	.max_sources = SIZE_MAX,
	.run = run,
};
