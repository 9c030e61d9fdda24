#include <stdio.h>

#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/report.h"
#include "tmattach/codec.h"

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	struct tm_err err = { 0 };
	bool ok = true;
	int status = cli_source_open(&source, &options->sources[0], options);

	if (status == CLI_DONE)
		status = cli_source_read_any(&source, options);
	if (status)
		return status;
	if (options->format == CLI_JSON)
		ok = tm_write_info_json(source.snapshot, source.tracing,
					source.file, stdout, &err);
	else if (options->format == CLI_CSV)
		ok = tm_write_info_csv(source.snapshot, source.tracing,
				       source.file, stdout, &err);
	else
		cli_text_info(&source, options->format == CLI_PRETTY);
	return cli_output_written(ok, &err, cli_source_status(&source));
}

const struct cli_command command_info = {
	.name = "info",
	.summary = "Show runtime, tracing or not, current and peak size",
	.args = "SOURCE",
	.examples =
		"  tmattach info 4711\n"
		"  tmattach info -f json leak.tms\n"
		"  tmattach info --name app.py\n",
	.groups = CLI_TARGET | CLI_REPORT,
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
