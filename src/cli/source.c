#include "cli/source.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/guard.h"
#include "cli/message.h"
#include "tmattach/source_lines.h"

static void print_note(void *ctx, const char *text)
{
	struct cli_source *source = ctx;

	cli_progress_end(&source->progress);
	cli_note("%s: %s", source->object, text);
}

bool cli_source_attach(struct cli_source *ret, pid_t pid,
		       const struct cli_options *options, struct tm_err *err)
{
	struct tm_session_opts opts = options->session;

	snprintf(ret->object, sizeof(ret->object), "pid %d", (int)pid);
	opts.note = print_note;
	opts.note_ctx = ret;
	opts.progress = cli_progress(&ret->progress, ret->object);
	ret->session = tm_session_open(pid, &opts, err);
	if (!ret->session)
		return false;
	ret->lines = tm_session_source_lines(ret->session);
	return true;
}

static int open_process(struct cli_source *ret, pid_t pid,
			const struct cli_options *options)
{
	struct tm_err err;

	if (cli_source_attach(ret, pid, options, &err))
		return CLI_DONE;
	return cli_error(&err, CLI_ABOUT_PROCESS);
}

static bool is_core(const char *path)
{
	/* O_NONBLOCK: a FIFO holds no core, and must not be waited for. */
	TM_GUARD(tm_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char head[64];
	ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);

	return n > 0 && tm_core_is(head, (size_t)n);
}

static bool open_core(struct cli_source *ret, const struct cli_options *options,
		      struct tm_err *err)
{
	const struct tm_core_opts opts = {
		.exe = options->exe, .note = print_note, .note_ctx = ret,
		.use_recorder = options->session.use_recorder,
	};

	snprintf(ret->object, sizeof(ret->object), "%.60s", ret->file);
	ret->core = tm_core_open(ret->file, &opts, err);
	return ret->core != NULL;
}

static struct tm_snapshot *load(const char *path, struct cli_progress *progress,
				struct tm_err *err)
{
	const struct tm_progress tell = cli_progress(progress, path);
	struct tm_snapshot *snapshot = tm_snapshot_load_telling(path,
		tell.report ? &tell : NULL, err);

	cli_progress_end(progress);
	return snapshot;
}

struct tm_snapshot *cli_snapshot_load(const char *path, struct tm_err *err)
{
	struct cli_progress progress;

	return load(path, &progress, err);
}

static int open_file(struct cli_source *ret, const char *path,
		     const struct cli_options *options)
{
	struct tm_err err;
	bool ok;

	ret->file = path;
	if (is_core(path)) {
		ok = open_core(ret, options, &err);
	} else {
		ret->snapshot = load(path, &ret->progress, &err);
		ok = ret->snapshot != NULL;
	}
	if (!ok)
		return cli_error(&err, CLI_ABOUT_FILE);
	ret->tracing = true;
	ret->own_lines = tm_source_lines_create(0);
	ret->lines = ret->own_lines;
	return CLI_DONE;
}

int cli_source_open(struct cli_source *ret, const struct cli_source_spec *spec,
		    const struct cli_options *options)
{
	pid_t pid = spec->pid;
	int status;

	*ret = (struct cli_source){ 0 };
	switch (spec->by) {
	case CLI_BY_FILE:
		return open_file(ret, spec->text, options);
	case CLI_BY_NAME:
		status = cli_find_process(spec->text, options->children, &pid);
		if (status != CLI_DONE)
			return status;
		break;
	case CLI_BY_PID:
		break;
	}
	return open_process(ret, pid, options);
}

static void tell_sample(const struct cli_source *source,
			const struct cli_options *options)
{
	const struct tm_snapshot *snapshot = source->snapshot;

	if (options->verbose && !source->core)
		cli_note("%s: %s, %llu traces of %llu bytes, stopped for %.3f ms",
			 source->object, snapshot->meta.runtime,
			 (unsigned long long)snapshot->total_count,
			 (unsigned long long)snapshot->total_size,
			 (double)snapshot->meta.pause_ns / 1e6);
}

static bool sample(struct cli_source *source, const struct cli_options *options,
		   struct tm_err *err)
{
	struct tm_snapshot *snapshot = source->core
		? tm_core_snapshot(source->core, err)
		: tm_session_sample(source->session, err);

	cli_progress_end(&source->progress);
	if (!snapshot)
		return false;
	tm_snapshot_destroy(source->snapshot);
	source->snapshot = snapshot;
	source->tracing = true;
	tell_sample(source, options);
	return true;
}

static enum cli_subject subject_of(const struct cli_source *source)
{
	return source->file ? CLI_ABOUT_FILE : CLI_ABOUT_PROCESS;
}

/* A file does not change: one snapshot is all there is. */
static bool is_read(const struct cli_source *source)
{
	return source->file && source->snapshot;
}

bool cli_source_sample(struct cli_source *source,
		       const struct cli_options *options, struct tm_err *err)
{
	return is_read(source) || sample(source, options, err);
}

int cli_source_read(struct cli_source *source, const struct cli_options *options)
{
	struct tm_err err;

	if (is_read(source) || sample(source, options, &err))
		return CLI_DONE;
	return cli_error(&err, subject_of(source));
}

static bool read_status(const struct cli_source *source, struct tm_status *ret,
			struct tm_err *err)
{
	return source->core ? tm_core_status(source->core, ret, err)
			    : tm_session_status(source->session, ret, err);
}

/* No traces, but the figures that are there without tracing. */
static struct tm_snapshot *untraced(const struct cli_source *source,
				    const struct tm_status *status,
				    struct tm_err *err)
{
	const struct tm_core *core = source->core;
	struct tm_meta meta = {
		.pid = core ? tm_core_pid(core) : tm_session_pid(source->session),
		.traceback_limit = status->traceback_limit,
		.traced_current = status->traced_current,
		.traced_peak = status->traced_peak,
	};

	snprintf(meta.runtime, sizeof(meta.runtime), "%s", status->runtime);
	snprintf(meta.command, sizeof(meta.command), "%s", core
		 ? tm_core_command(core) : tm_session_command(source->session));
	return tm_builder_finish(tm_builder_create(), &meta, err);
}

int cli_source_read_any(struct cli_source *source,
			const struct cli_options *options)
{
	struct tm_status status;
	struct tm_err err;

	if (is_read(source) || sample(source, options, &err))
		return CLI_DONE;
	if (err.kind == TM_ERR_NOT_TRACED &&
	    read_status(source, &status, &err)) {
		source->tracing = false;
		source->snapshot = untraced(source, &status, &err);
		if (source->snapshot)
			return CLI_DONE;
	}
	return cli_error(&err, subject_of(source));
}

int cli_source_get(struct cli_source *ret, const struct cli_options *options,
		   size_t i)
{
	int status = cli_source_open(ret, &options->sources[i], options);

	return status ? status : cli_source_read(ret, options);
}

void cli_source_close(struct cli_source *source)
{
	tm_snapshot_destroy(source->snapshot);
	tm_source_lines_destroy(source->own_lines);
	tm_session_close(source->session);
	tm_core_close(source->core);
	*source = (struct cli_source){ 0 };
}

int cli_source_status(const struct cli_source *source)
{
	const struct tm_meta *meta = &source->snapshot->meta;
	const char *object = source->file ? source->file : source->object;

	if (meta->dropped)
		cli_note("%s: the recorder had no room for %llu traces", object,
			 (unsigned long long)meta->dropped);
	if (!meta->partial)
		return CLI_DONE;
	cli_note("%s: the snapshot is partial: not every trace could be read",
		 object);
	return CLI_PARTIAL;
}

void cli_remark_filters(const struct cli_source *source,
			const struct cli_options *options, uint64_t left)
{
	bool any_pattern = false;

	/* A script that asks for JSON or CSV sees for itself. */
	if (left > 0 || options->query.nfilters == 0 ||
	    options->format == CLI_JSON || options->format == CLI_CSV)
		return;
	for (size_t i = 0; i < options->query.nfilters; i++)
		any_pattern |= !options->filters[i].domain_only;
	cli_note("%s: no trace passes the filters",
		 source->file ? source->file : source->object);
	if (any_pattern)
		cli_note("a pattern is held against the whole name of the file: "
			 "'*/app.py'");
}
