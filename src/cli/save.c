#include "cli/save.h"

#include "base/guard.h"
#include "cli/message.h"
#include "cli/source.h"
#include "tmattach/codec.h"

/* What the filters leave of *snapshot, in its place. */
static void apply_filters(struct tm_snapshot **snapshot,
			  const struct cli_options *options)
{
	struct tm_snapshot *less;

	if (!*snapshot || options->query.nfilters == 0)
		return;
	less = tm_snapshot_filter(*snapshot, options->filters,
				  options->query.nfilters);
	tm_snapshot_destroy(*snapshot);
	*snapshot = less;
}

static int save(struct cli_source *source, const struct cli_options *options,
		const struct tm_snapshot *baseline)
{
	struct cli_progress progress;
	const struct tm_codec_opts opts = {
		.baseline = baseline,
		.progress = cli_progress_of_writing(&progress, options->output),
	};
	struct tm_err err;
	bool ok;
	int status = cli_source_get(source, options, 0);

	if (status)
		return status;
	apply_filters(&source->snapshot, options);
	cli_remark_filters(source, options, source->snapshot->total_count);
	ok = tm_snapshot_save(source->snapshot, options->output, options->codec,
			      &opts, &err);
	cli_progress_end(&progress);
	if (!ok)
		return cli_error(&err, CLI_ABOUT_FILE);
	return cli_source_status(source);
}

int cli_save(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	struct tm_snapshot *baseline = NULL;
	struct tm_err err;
	int status;

	if (options->baseline) {
		baseline = cli_snapshot_load(options->baseline, &err);
		if (!baseline)
			return cli_error(&err, CLI_ABOUT_FILE);
		apply_filters(&baseline, options);
	}
	status = save(&source, options, baseline);
	tm_snapshot_destroy(baseline);
	return status;
}
