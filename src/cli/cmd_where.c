#include <inttypes.h>

#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/process.h"
#include "tmattach/process.h"

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	int status = cli_process_or_core(&source, options);
	struct report how;
	struct tm_err err;

	if (status)
		return status;
	source.snapshot = tm_session_where(source.session, options->address, &err);
	if (!source.snapshot)
		return cli_error(&err, cli_source_subject(&source));
	if (source.snapshot->nrows == 0)
		cli_note("%s: no trace of 0x%" PRIx64 ": no memory block or object "
			 "begins there, or it is older than tracing",
			 source.object, options->address);
	how = cli_options_report(options, source.lines);
	return cli_output_written(report_where(&how, source.snapshot,
					       options->address, &err),
				  &err, cli_source_status(&source));
}

const struct cli_command command_where = {
	.name = "where",
	.summary = "Show where a memory block or a Python object was allocated",
	.args = "SOURCE ADDRESS",
	.examples =
		"  tmattach where 4711 0x7f2c3a1b5e50\n"
		"  tmattach where core.4711 0x7f2c3a1b5e50\n"
		"  tmattach where -f json --name app.py 139828163010128\n",
	.groups = CLI_SOURCE | CLI_REPORT | CLI_ADDRESS,
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
