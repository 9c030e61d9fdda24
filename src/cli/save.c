#include "cli/save.h"

#include <string.h>

#include "base/buf.h"
#include "base/guard.h"
#include "cli/many.h"
#include "cli/message.h"
#include "cli/source.h"
#include "tmattach/file.h"

/* Replaces *snapshot by what the filters leave of it. */
static void apply_filters(struct tm_snapshot **snapshot,
			  const struct cli_options *options)
{
	struct tm_snapshot *less;

	if (!*snapshot || options->query.nfilters == 0)
		return;
	less = tm_snapshot_select(*snapshot, &options->query);
	tm_snapshot_destroy(*snapshot);
	*snapshot = less;
}

/* And with threads below all, if that is asked for. */
static bool prepare(struct tm_snapshot **snapshot, const struct cli_options *options,
		    struct tm_err *err)
{
	struct tm_snapshot *under;

	apply_filters(snapshot, options);
	if (!options->under_threads)
		return true;
	under = tm_snapshot_under_threads(*snapshot, err);
	if (!under)
		return false;
	tm_snapshot_destroy(*snapshot);
	*snapshot = under;
	return true;
}

char *cli_path_of(const char *pattern, pid_t pid)
{
	struct tm_buf path = { 0 };

	for (const char *p = pattern; *p; p++)
		if (p[0] == '%' && p[1] == 'p') {
			tm_buf_addf(&path, "%d", (int)pid);
			p++;
		} else if (p[0] == '%' && p[1] == '%') {
			tm_buf_addc(&path, '%');
			p++;
		} else {
			tm_buf_addc(&path, *p);
		}
	return path.data;
}

bool cli_path_is_each(const char *pattern)
{
	for (const char *p = strchr(pattern, '%'); p; p = strchr(p, '%')) {
		if (p[1] == 'p')
			return true;
		p += p[1] == '%' ? 2 : 1;
	}
	return false;
}

/* What was read from a source, and is a snapshot of process `pid` (0: of a file, or
 * several). */
static int write_out(struct cli_source *source, const struct cli_options *options,
		     const struct tm_snapshot *baseline, pid_t pid)
{
	TM_GUARD(tm_free_ptr) char *path =
		cli_path_of(options->output, pid ? pid : source->snapshot->meta.pid);
	struct cli_progress progress;
	const struct tm_codec_opts opts = {
		.baseline = baseline,
		.pickle_for = options->pickle_for,
		.progress = cli_progress_of_writing(&progress, path),
	};
	struct tm_err err;
	bool ok;

	if (!prepare(&source->snapshot, options, &err))
		return cli_error(&err, CLI_ABOUT_FILE);
	cli_remark_filters(source, options, source->snapshot->total_count);
	ok = tm_snapshot_save(source->snapshot, path, options->codec, &opts, &err);
	cli_progress_end(&progress);
	if (!ok)
		return cli_error(&err, CLI_ABOUT_FILE);
	return cli_source_status(source);
}

static int save_one(const struct cli_options *options, const struct tm_snapshot *baseline)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	int status = cli_source_get(&source, options, 0);

	return status ? status : write_out(&source, options, baseline, source.pid);
}

/* ---- a process and all below it ------------------------------------------------- */

static int save_each(struct cli_many *many, const struct tm_snapshot *baseline)
{
	int status = cli_many_open(many, many->options), worst;

	if (status)
		return status;
	worst = cli_many_read(many);
	for (size_t i = 0; i < many->n; i++) {
		struct cli_member *member = many->members[i];

		if (!member->fresh)
			continue;
		status = write_out(&member->source, many->options, baseline, member->pid);
		worst = worst ? worst : status;
	}
	return worst;
}

static int save_merged(struct cli_many *many, const struct tm_snapshot *baseline)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	const struct cli_options *options = many->options;
	int status = cli_many_get(many, &source, options, 0);

	if (status)
		return status;
	status = write_out(&source, options, baseline, 0);
	if (status == CLI_DONE && many->n > 1)
		cli_note("%s: %zu processes together; with %%p in its name there is a file for "
			 "each", options->output, many->n);
	return status;
}

static int save(const struct cli_options *options, const struct tm_snapshot *baseline)
{
	TM_GUARD(cli_many_close) struct cli_many many = { .options = options };

	if (!options->children)
		return save_one(options, baseline);
	return (cli_path_is_each(options->output) ? save_each : save_merged)(&many, baseline);
}

int cli_save(const struct cli_options *options)
{
	struct tm_snapshot *baseline = NULL;
	struct tm_err err;
	int status;

	if (options->baseline) {
		baseline = cli_snapshot_load(options->baseline, options, &err);
		if (!baseline || !prepare(&baseline, options, &err)) {
			tm_snapshot_destroy(baseline);
			return cli_error(&err, CLI_ABOUT_FILE);
		}
	}
	status = save(options, baseline);
	tm_snapshot_destroy(baseline);
	return status;
}
