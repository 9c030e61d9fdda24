/* The options of all commands; the row of a command says which of them it takes. */
#ifndef TM_CLI_OPTIONS_H
#define TM_CLI_OPTIONS_H

#include "cli/command.h"
#include "report/report.h"
#include "tmattach/file.h"
#include "tmattach/stats.h"
#include "tmattach/process.h"

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

/* What `objects` shows. */
enum cli_objects_view {
	CLI_OBJECTS_GROUPS,
	CLI_OBJECTS_GARBAGE,
	CLI_OBJECTS_NO_HOLDER,
	CLI_OBJECTS_SUSPECTS,
	CLI_OBJECTS_DUPLICATES,
	CLI_OBJECTS_SLACK,
};

struct cli_heap_opts {
	struct tm_heap_query query;
	enum cli_objects_view view;
	bool values;
	bool down;
	const char *what;  /* a type, an address or an expression; NULL: none */
	bool dump;         /* the objects, not the traces; codec NULL: as */
	enum tm_heap_format format;
};

#define CLI_LIMIT_UNSET SIZE_MAX

enum { CLI_MAX_FUNCTIONS = 16 }; /* of --alloc, and of --free */

struct cli_options {
	const struct cli_command *command;
	struct cli_source_spec *sources; /* in the order given */
	size_t nsources;
	struct tm_query query;
	struct tm_filter *filters;       /* what query.filters points to */
	struct tm_text *skips;           /* what query.skip.patterns points to */
	struct tm_mapping *mappings;     /* what session.mappings points to */
	size_t limit;                    /* 0: all */
	enum report_form format;         /* of a report */
	bool ages;                       /* of blocks, in statistics */
	bool functions;                  /* of Python, in tracebacks for people */
	const char *format_word;         /* of a file, as it was typed */
	const struct tm_codec *codec;    /* of a snapshot file */
	const char *output;
	const char *baseline;            /* a snapshot file; NULL: none */
	bool under_threads;              /* --threads of a file */
	unsigned pickle_for;             /* minor of Python 3; 0: not given */
	struct cli_watch_opts watch;
	struct cli_heap_opts heap;
	bool children;                   /* and all that descends */
	bool follow;                     /* and what will descend */
	bool all;                        /* of ps */
	const char *exe;                 /* of core files */
	struct tm_session_opts session;
	bool verbose;
	bool batch;
	double interval;                 /* seconds */
	unsigned rounds;                 /* 0: without end */
	/* What session.allocs and session.frees point to. */
	const char *allocs[CLI_MAX_FUNCTIONS], *frees[CLI_MAX_FUNCTIONS];
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

/* A report to stdout in this format; its limit is --limit, else 10 for people,
 * else all. */
struct report cli_options_report(const struct cli_options *options,
				 const struct tm_source_lines *lines);

#endif
