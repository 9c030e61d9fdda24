#include "cli/command.h"
#include "cli/save.h"
#include "cli/save_heap.h"

static int run(const struct cli_options *options)
{
	return options->heap.dump ? cli_save_heap(options) : cli_save(options);
}

const struct cli_command command_dump = {
	.name = "dump",
	.summary = "Write a snapshot of a process to a file",
	.args = "PID",
	.examples =
		"  tmattach dump 4711 -o leak.tms\n"
		"  tmattach dump --name app.py -o leak.pickle\n"
		"  tmattach dump --children --name gunicorn -o 'leak.%p.tms'\n"
		"  tmattach dump 4711 -f jsonl -o - | jq .size\n"
		"  tmattach dump --heap 4711 -o heap.tmh\n",
	.groups = CLI_SOURCE | CLI_CHILDREN | CLI_FILTERS | CLI_OUTPUT | CLI_BASELINE |
		  CLI_HEAP,
	.min_sources = 1,
	.max_sources = 1,
	.run = run,
};
