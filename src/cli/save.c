#include "cli/save.h"

#include "base/guard.h"
#include "cli/message.h"
#include "cli/source.h"
#include "tmattach/codec.h"

static bool save(const struct cli_source *source,
		 const struct cli_options *options, struct tm_err *err)
{
	const struct tm_codec_opts opts = { 0 };
	struct tm_snapshot *less;
	bool ok;

	if (options->query.nfilters == 0)
		return tm_snapshot_save(source->snapshot, options->output,
					options->codec, &opts, err);
	less = tm_snapshot_filter(source->snapshot, options->filters,
				  options->query.nfilters);
	ok = tm_snapshot_save(less, options->output, options->codec, &opts,
			      err);
	tm_snapshot_destroy(less);
	return ok;
}

int cli_save(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	struct tm_err err;
	int status = cli_source_get(&source, options, 0);

	if (status)
		return status;
	if (!save(&source, options, &err))
		return cli_error(&err, CLI_ABOUT_FILE);
	return cli_source_status(&source);
}
