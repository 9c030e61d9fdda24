/* What a command is. The list of them is commands.def. */
#ifndef TM_CLI_COMMAND_H
#define TM_CLI_COMMAND_H

#include <limits.h>
#include <stddef.h>

struct cli_options;

/* The groups of options a command takes; each is described in options.c. */
enum cli_group {
	CLI_PROCESS = 1 << 0, /* -p, --name, -v */
	CLI_QUERY   = 1 << 1, /* -k, -c */
	CLI_LIMIT   = 1 << 2, /* -l */
	CLI_FILTERS = 1 << 3, /* --include ... */
	CLI_REPORT  = 1 << 4, /* -f text|pretty|json|csv */
	CLI_OUTPUT  = 1 << 5, /* -o, -f FORMAT of a snapshot file */
	CLI_ROUNDS  = 1 << 6, /* -b, -d, -n */
	CLI_NFRAME  = 1 << 7, /* --nframe */
	CLI_TIMEOUT = 1 << 8, /* --timeout */
	CLI_SAMPLE  = 1 << 9, /* --sample, --in-core, --alloc, --free */
	CLI_ADDRESS = 1 << 10, /* the word after the SOURCE is an address */
	CLI_COMMAND = 1 << 11, /* the words are a command line, and CLI_OUTPUT
				  may be left away */
	CLI_CHILDREN = 1 << 12, /* --children */
	CLI_PS      = 1 << 13, /* -a */
	CLI_WATCH   = 1 << 14, /* --every ... */
	CLI_RECORDER = 1 << 15, /* --recorder */
	CLI_READ    = 1 << 16, /* --freeze, --no-fork */
	CLI_BASELINE = 1 << 18, /* --baseline, beside CLI_OUTPUT */
	CLI_EXACT   = 1 << 19, /* --exact, beside CLI_SAMPLE */
	CLI_EXE     = 1 << 17, /* --exe, where a core file may be the SOURCE */

	CLI_FUNCTIONS = 1 << 20, /* --functions, beside CLI_REPORT */

	CLI_AGES    = 1 << 22, /* --ages, beside CLI_REPORT */

	CLI_FOLLOW  = 1 << 21, /* --follow, beside CLI_CHILDREN */

	CLI_OBJECTS = 1 << 24, /* -k, --retained ... of objects */
	CLI_OBJECT_FILTERS = 1 << 25, /* --type ... */
	CLI_REFS    = 1 << 26, /* --down; the word after the SOURCE is what to look
				  for */
	CLI_HEAP    = 1 << 27, /* --heap, beside CLI_OUTPUT */

	/* What all commands take that read the traces of a SOURCE. */
	CLI_SOURCE  = CLI_PROCESS | CLI_RECORDER | CLI_READ | CLI_EXE,
};

#define CLI_ALL_FORMATS "text pretty json csv"

struct cli_command {
	const char *name;
	const char *summary;  /* one line for `tmattach --help` */
	const char *args;     /* "SOURCE" for the usage line */
	const char *examples; /* after the options in --help */
	unsigned groups;      /* of enum cli_group */
	const char *formats;  /* of CLI_REPORT, the default first, a blank
				 between; NULL: CLI_ALL_FORMATS */
	size_t min_sources;
	size_t max_sources;
	int (*run)(const struct cli_options *options); /* the exit status */
};

/* NULL if there is none of that name. */
const struct cli_command *cli_command_find(const char *name);
size_t cli_command_count(void);
const struct cli_command *cli_command_at(size_t i);

#endif
