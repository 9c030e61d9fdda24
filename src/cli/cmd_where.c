#include <inttypes.h>
#include <stdio.h>

#include "base/guard.h"
#include "cli/command.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/process.h"
#include "cli/report.h"
#include "tmattach/codec.h"
#include "tmattach/control.h"

static bool write_found(const struct cli_source *source,
			const struct cli_options *options, struct tm_err *err)
{
	const struct tm_snapshot *snapshot = source->snapshot;
	const struct tm_codec_opts opts = { 0 };

	switch (options->format) {
	case CLI_JSON:
		return tm_write_where_json(snapshot, options->address, stdout, err);
	case CLI_CSV:
		return tm_codec_by_name("csv")->write(snapshot, stdout, &opts, err);
	case CLI_PRETTY:
		cli_text_traces(snapshot, 0, true, source->lines);
		return true;
	case CLI_TEXT:
		break;
	}
	if (snapshot->nrows)
		cli_print_traceback(snapshot,
				    snapshot->sites[snapshot->rows[0].site].traceback,
				    source->lines);
	return true;
}

static int run(const struct cli_options *options)
{
	TM_GUARD(cli_source_close) struct cli_source source = { 0 };
	int status = cli_process_open(&source, options);
	struct tm_err err;
	bool ok;

	if (status)
		return status;
	source.snapshot = tm_session_where(source.session, options->address, &err);
	if (!source.snapshot)
		return cli_error(&err, CLI_ABOUT_PROCESS);
	if (source.snapshot->nrows == 0)
		cli_note("%s: no trace of 0x%" PRIx64 ": no memory block or object "
			 "begins there, or it is older than tracing",
			 source.object, options->address);
	ok = write_found(&source, options, &err);
	return cli_output_written(ok, &err, CLI_DONE);
}

const struct cli_command command_where = {
	.name = "where",
	.summary = "Show where a memory block or a Python object was allocated",
	.args = "PID ADDRESS",
	.examples =
		"  tmattach where 4711 0x7f2c3a1b5e50\n"
		"  tmattach where -f json --name app.py 139828163010128\n",
	.groups = CLI_PROCESS | CLI_RECORDER | CLI_READ | CLI_REPORT | CLI_ADDRESS,
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
