#include "cli/source.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/guard.h"
#include "cli/below.h"
#include "cli/message.h"

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

	ret->pid = pid;
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

/* The PID of a shell or of sudo means the Python that it has started. */
static int open_below(struct cli_source *ret, pid_t pid, const struct cli_options *options,
		      const struct tm_err *why)
{
	struct tm_err err;
	int status = cli_take_below(pid, why, options, &pid);

	if (status == CLI_DONE && !cli_source_attach(ret, pid, options, &err))
		status = cli_error(&err, CLI_ABOUT_PROCESS);
	return status;
}

static int open_process(struct cli_source *ret, pid_t pid,
			const struct cli_options *options)
{
	const struct tm_session_opts *opts = &options->session;
	struct tm_err err;

	if (opts->allow_native && !opts->use_recorder && cli_is_wrapper(pid)) {
		struct cli_options python = *options;

		python.session.allow_native = false;
		return open_process(ret, pid, &python);
	}
	if (cli_source_attach(ret, pid, options, &err))
		return CLI_DONE;
	if (err.kind == TM_ERR_NO_RUNTIME && !opts->use_recorder)
		return open_below(ret, pid, options, &err);
	return cli_error(&err, CLI_ABOUT_PROCESS);
}

bool cli_is_core(const char *path)
{
	/* O_NONBLOCK: a FIFO holds no core, and must not be waited for. */
	TM_GUARD(tm_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char head[64];
	ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);

	return n > 0 && tm_is_core_file(head, (size_t)n);
}

static bool open_core(struct cli_source *ret, const struct cli_options *options,
		      struct tm_err *err)
{
	struct tm_session_opts opts = options->session;

	snprintf(ret->object, sizeof(ret->object), "%.60s", ret->file);
	opts.exe = options->exe;
	opts.note = print_note;
	opts.note_ctx = ret;
	ret->session = tm_session_open_core(ret->file, &opts, err);
	return ret->session != NULL;
}

struct loading {
	const char *path;
	struct cli_progress *progress;
};

static void note_of_file(void *ctx, const char *text)
{
	const struct loading *loading = ctx;

	cli_progress_end(loading->progress);
	cli_note("%s: %s", loading->path, text);
}

static bool lacks_ages(const struct tm_snapshot *snapshot, const struct tm_session_opts *opts)
{
	return (opts->older_ns || opts->newer_ns) && snapshot->total_count &&
	       !tm_snapshot_has_ages(snapshot);
}

static struct tm_snapshot *load(const char *path, const struct cli_options *options,
				struct cli_progress *progress, struct tm_err *err)
{
	const struct tm_progress tell = cli_progress(progress, path);
	struct loading loading = { path, progress };
	const struct tm_load_opts opts = {
		.progress = tell.report ? &tell : NULL,
		.note = note_of_file,
		.note_ctx = &loading,
	};
	struct tm_snapshot *snapshot;

	if (options->session.at_peak) {
		tm_err_set(err, TM_ERR_UNSUPPORTED, path,
			   "a file does not tell what was there at the peak");
		tm_err_hint(err, "ask the process: `tmattach dump' has --peak, "
			    "and writes a file of what was there then");
		return NULL;
	}
	snapshot = tm_snapshot_load_with(path, &opts, err);
	cli_progress_end(progress);
	if (snapshot && lacks_ages(snapshot, &options->session)) {
		tm_snapshot_destroy(snapshot);
		tm_err_set(err, TM_ERR_UNSUPPORTED, path, "it does not tell how old blocks are");
		tm_err_hint(err, "a .tms file of what the recorder has recorded does");
		return NULL;
	}
	return tm_snapshot_as_wanted(snapshot, &options->session);
}

struct tm_snapshot *cli_snapshot_load(const char *path,
				      const struct cli_options *options,
				      struct tm_err *err)
{
	struct cli_progress progress;

	return load(path, options, &progress, err);
}

static int open_file(struct cli_source *ret, const char *path,
		     const struct cli_options *options)
{
	struct tm_err err;
	bool ok;

	ret->file = path;
	if (cli_is_core(path)) {
		ok = open_core(ret, options, &err);
	} else {
		ret->snapshot = load(path, options, &ret->progress, &err);
		ok = ret->snapshot != NULL;
	}
	if (!ok)
		return cli_error(&err, CLI_ABOUT_FILE);
	ret->tracing = true;
	if (ret->session) {
		ret->lines = tm_session_source_lines(ret->session);
		return CLI_DONE;
	}
	ret->own_lines = tm_source_lines_create(0);
	tm_source_lines_since(ret->own_lines, ret->snapshot->meta.taken_at);
	tm_source_lines_rename(ret->own_lines, options->session.mappings,
			       options->session.nmappings);
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
		status = cli_find_process(spec->text, options, &pid);
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

	if (options->verbose && !source->file)
		cli_note("%s: %s, %llu traces of %llu bytes, stopped for %.3f ms",
			 source->object, snapshot->meta.runtime,
			 (unsigned long long)snapshot->total_count,
			 (unsigned long long)snapshot->total_size,
			 (double)snapshot->meta.pause_ns / 1e6);
}

bool cli_source_follow(struct cli_source *source, const struct cli_options *options,
		       struct tm_err *err)
{
	if (source->session) {
		if (err->kind != TM_ERR_GONE || !tm_session_replaced(source->session))
			return false;
		tm_session_close(source->session);
		source->session = NULL;
		source->lines = NULL;
	}
	return cli_source_attach(source, source->pid, options, err);
}

bool cli_source_waits(const struct tm_err *err)
{
	return err->kind == TM_ERR_NOT_TRACED || err->kind == TM_ERR_NO_RUNTIME ||
	       err->kind == TM_ERR_BUSY;
}

static bool sample(struct cli_source *source, const struct cli_options *options,
		   struct tm_err *err)
{
	struct tm_snapshot *once = NULL, *snapshot;

	if (source->wants_memory)
		snapshot = tm_session_take_with_memory(source->session, &source->memory, err);
	else
		snapshot = tm_session_take_member(source->session, source->family, &once, err);
	cli_progress_end(&source->progress);
	if (!snapshot)
		return false;
	tm_snapshot_destroy(source->snapshot);
	tm_snapshot_destroy(source->once);
	source->snapshot = snapshot;
	source->once = once;
	source->has_memory = source->wants_memory;
	source->tracing = true;
	tell_sample(source, options);
	return true;
}

enum cli_subject cli_source_subject(const struct cli_source *source)
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
	if (is_read(source) || (source->session && sample(source, options, err)))
		return true;
	for (int execs = 0; !source->file && execs < CLI_EXECS &&
			    cli_source_follow(source, options, err); execs++)
		if (sample(source, options, err))
			return true;
	return false;
}

int cli_source_read(struct cli_source *source, const struct cli_options *options)
{
	struct tm_err err;

	if (is_read(source) || sample(source, options, &err))
		return CLI_DONE;
	return cli_error(&err, cli_source_subject(source));
}

/* No traces, but the figures that are there without tracing. */
static struct tm_snapshot *untraced(const struct cli_source *source,
				    const struct tm_status *status,
				    struct tm_err *err)
{
	struct tm_meta meta = {
		.pid = tm_session_pid(source->session),
		.traceback_limit = status->traceback_limit,
		.traced_current = status->traced_current,
		.traced_peak = status->traced_peak,
	};

	snprintf(meta.runtime, sizeof(meta.runtime), "%s", status->runtime);
	snprintf(meta.command, sizeof(meta.command), "%s",
		 tm_session_command(source->session));
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
	    tm_session_status(source->session, &status, &err)) {
		source->tracing = false;
		source->snapshot = untraced(source, &status, &err);
		if (source->snapshot)
			return CLI_DONE;
	}
	return cli_error(&err, cli_source_subject(source));
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
	tm_snapshot_destroy(source->once);
	tm_source_lines_destroy(source->own_lines);
	tm_session_close(source->session);
	*source = (struct cli_source){ 0 };
}

/* Who called is not known of these: say how much that is, in the first round. */
static void remark_cut(struct cli_source *source, const char *object)
{
	const struct tm_snapshot *snapshot = source->snapshot;
	uint64_t cut = source->told_cut ? 0 : tm_snapshot_cut_size(snapshot);

	source->told_cut |= cut > 0;
	if (cut > 0)
		cli_note("%s: %.1f %% of the traced memory has stacks that end early (%s): "
			 "code without unwind tables or frame pointers", object,
			 100.0 * (double)cut / (double)snapshot->total_size, TM_CUT_FRAME);
}

int cli_source_status(struct cli_source *source)
{
	const struct tm_meta *meta = source->snapshot ? &source->snapshot->meta : NULL;
	const char *object = source->file ? source->file : source->object;

	if (!meta)
		return CLI_DONE;
	if (meta->dropped)
		cli_note("%s: the recorder had no room for %llu traces", object,
			 (unsigned long long)meta->dropped);
	remark_cut(source, object);
	if (!meta->partial)
		return meta->dropped ? CLI_PARTIAL : CLI_DONE;
	cli_note("%s: the snapshot is partial: not every trace could be read",
		 object);
	return CLI_PARTIAL;
}

void cli_remark_filters(const struct cli_source *source,
			const struct cli_options *options, uint64_t left)
{
	bool any_file = false, any_function = false;
	const bool any = options->query.nfilters > 0 || options->session.sizes.max > 0;

	/* A script that asks for JSON or CSV sees for itself. */
	if (left > 0 || !any || report_is_for_scripts(options->format))
		return;
	for (size_t i = 0; i < options->query.nfilters; i++)
		if (options->filters[i].function.bytes)
			any_function = true;
		else
			any_file |= !options->filters[i].domain_only;
	cli_note("%s: no trace passes the filters",
		 source->file ? source->file : source->object);
	if (any_file)
		cli_note("a pattern is matched against the whole file name: "
			 "'*/app.py'");
	if (any_function)
		cli_note("a pattern is matched against the whole name of a function, "
			 "which a pickle has not: '*parse*'");
}
