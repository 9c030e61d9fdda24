#include "cli/command.h"
#include "cli/save.h"

const struct cli_command command_dump = {
	.name = "dump",
	.summary = "Write a snapshot of a process to a file",
	.args = "PID",
	.examples =
		"  tmattach dump 4711 -o leak.tms\n"
		"  tmattach dump --name app.py -o leak.pickle\n"
		"  tmattach dump 4711 -f jsonl -o - | jq .size\n",
	.groups = CLI_SOURCE | CLI_FILTERS | CLI_OUTPUT | CLI_BASELINE,
	.min_sources = 1,
	.max_sources = 1,
	.run = cli_save,
};
