/* The options of all commands; which of them a command takes says its row. */
#ifndef TM_CLI_OPTIONS_H
#define TM_CLI_OPTIONS_H

#include "cli/command.h"
#include "tmattach/codec.h"
#include "tmattach/model.h"
#include "tmattach/session.h"

enum cli_format {
	CLI_TEXT,
	CLI_PRETTY,
	CLI_JSON,
	CLI_CSV,
};

/* A SOURCE as it was typed. */
struct cli_source_spec {
	enum { CLI_BY_PID, CLI_BY_FILE, CLI_BY_NAME } by;
	pid_t pid;
	const char *text; /* the file or the name; borrowed from argv */
};

struct cli_watch_opts {
	double every;         /* seconds */
	double growth;        /* 0.2: by 20 %; 0: no such condition */
	uint64_t above;       /* bytes; 0: no such condition */
	const char *dump_dir; /* NULL: no snapshots */
	size_t keep;          /* files of each process; 0: all */
	char *host, *port;    /* of the metrics; NULL: none */
	size_t top;           /* places of each process in the metrics */
};

#define CLI_LIMIT_UNSET SIZE_MAX

struct cli_options {
	const struct cli_command *command;
	struct cli_source_spec *sources; /* in the order given */
	size_t nsources;
	struct tm_query query;
	struct tm_filter *filters;       /* what query.filters points to */
	size_t limit;                    /* 0: all */
	enum cli_format format;          /* of a report */
	const struct tm_codec *codec;    /* of a snapshot file */
	const char *output;
	const char *baseline;            /* a snapshot file; NULL: none */
	struct cli_watch_opts watch;
	bool children;                   /* and all that descends */
	bool all;                        /* of ps */
	const char *exe;                 /* of core files */
	struct tm_session_opts session;
	bool verbose;
	bool batch;
	double interval;                 /* seconds */
	unsigned rounds;                 /* 0: without end */
	uint32_t nframe;                 /* 1 unless given */
	unsigned timeout_ms;             /* 0: the library's default */
	uint64_t address;
	bool has_address;
	char **words;                    /* a command line; NULL: none */
};

/*
 * Read the command line of one command (argv[0] is its name). A usage error
 * prints its message and ends the program with status 2; --help and --version
 * end it with 0.
 */
void cli_options_parse(struct cli_options *ret,
		       const struct cli_command *command, int argc,
		       char **argv);
void cli_options_deinit(struct cli_options *options);

/* The limit in force for this format: --limit, else 10 for text, else all. */
size_t cli_options_limit(const struct cli_options *options);

#endif
