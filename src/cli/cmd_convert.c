#include "cli/command.h"
#include "cli/save.h"

const struct cli_command command_convert = {
	.name = "convert",
	.summary = "Write a snapshot file in another format",
	.args = "SOURCE",
	.examples =
		"  tmattach convert leak.pickle -o leak.tms\n"
		"  tmattach convert leak.tms --include '*/app/*' -o app.pickle\n"
		"  tmattach convert after.tms --baseline before.tms -o grown.html\n"
		"  tmattach convert - -f jsonl -o - < leak.tms\n",
	.groups = CLI_SOURCE | CLI_FILTERS | CLI_OUTPUT | CLI_BASELINE,
	.min_sources = 1,
	.max_sources = 1,
	.run = cli_save,
};
