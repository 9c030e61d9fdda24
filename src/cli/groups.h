/*
 * The groups of options: rows of --help and a parser each, combined by
 * options.c into the argp of a command. Their input is a struct cli_options.
 */
#ifndef TM_CLI_GROUPS_H
#define TM_CLI_GROUPS_H

#include <argp.h>

#include "cli/options.h"

/* The keys of options without a short form: one command has many groups. */
enum cli_key {
	OPT_ABOVE = 0x100,
	OPT_ALL_FRAMES,
	OPT_BASELINE,
	OPT_PICKLE_FOR,
	OPT_THREADS,
	OPT_CHILDREN,
	OPT_DOMAIN,
	OPT_BLOCK_SIZE,
	OPT_DOWN,
	OPT_DUMP_DIR,
	OPT_DUPLICATES,
	OPT_EVERY,
	OPT_EXCLUDE,
	OPT_EXCLUDE_DOMAIN,
	OPT_EXCLUDE_FUNCTION,
	OPT_EXE,
	OPT_FOLLOW,
	OPT_FREEZE,
	OPT_FUNCTIONS,
	OPT_AGES,
	OPT_GARBAGE,
	OPT_GROWTH,
	OPT_HEAP,
	OPT_EXACT,
	OPT_NATIVE,
	OPT_IN_CORE,
	OPT_ALLOC,
	OPT_MAPS,
	OPT_FREE,
	OPT_INCLUDE,
	OPT_INCLUDE_DOMAIN,
	OPT_INCLUDE_FUNCTION,
	OPT_KEEP,
	OPT_LINE,
	OPT_SKIP,
	OPT_NO_SKIP,
	OPT_MAP,
	OPT_METRICS,
	OPT_MIN_SIZE,
	OPT_MODULE,
	OPT_NAME,
	OPT_NFRAME,
	OPT_NO_FORK,
	OPT_NO_HOLDER,
	OPT_OF_LINE,
	OPT_OLDER,
	OPT_NEWER,
	OPT_PEAK,
	OPT_RECORDER,
	OPT_RETAINED,
	OPT_SAMPLE,
	OPT_SLACK,
	OPT_SUSPECTS,
	OPT_STRIP_PREFIX,
	OPT_TIMEOUT,
	OPT_TOP,
	OPT_TYPE,
	OPT_USAGE,
	OPT_VALUES,
};

extern const struct argp cli_follow_argp;
extern const struct argp cli_process_argp;
extern const struct argp cli_read_argp;
extern const struct argp cli_exe_argp;
extern const struct argp cli_query_argp;
extern const struct argp cli_limit_argp;
extern const struct argp cli_functions_argp;
extern const struct argp cli_ages_argp;
extern const struct argp cli_filter_argp;
extern const struct argp cli_report_argp;
extern const struct argp cli_output_argp;
extern const struct argp cli_heap_argp;
extern const struct argp cli_objects_argp;
extern const struct argp cli_object_filter_argp;
extern const struct argp cli_refs_argp;
extern const struct argp cli_baseline_argp;
extern const struct argp cli_rounds_argp;
extern const struct argp cli_nframe_argp;
extern const struct argp cli_sample_argp;
extern const struct argp cli_exact_argp;
extern const struct argp cli_recorder_argp;
extern const struct argp cli_timeout_argp;
extern const struct argp cli_children_argp;
extern const struct argp cli_ps_argp;
extern const struct argp cli_watch_argp;

/*
 * The rows of --help of a command, headings (rows without a name) among them,
 * in malloc'ed memory; a zeroed row ends them.
 */
struct argp_option *cli_command_options(const struct cli_command *command);

/* Where a usage error sends its reader; of the command's name. */
#define CLI_SEE_HELP "`tmattach %s --help' lists the options"

/* What -f of this command may be, a blank between; and in prose, malloc'ed,
 * some words after the first. */
const char *cli_formats(const struct cli_command *command);
char *cli_formats_prose(const struct cli_command *command,
			const char *behind_first);

/* A row of an argp_option table. */
#define OPTION(name, key, arg, doc) { name, key, arg, 0, doc, 0 }
#define OPTIONS_END { 0 }

/*
 * A usage error: the message in the form of all others, then where to read
 * on; ends the program. (argp_error() would put the command's name first.)
 */
_Noreturn void cli_usage(const struct argp_state *state, const char *object,
			 const char *cause, ...) TM_PRINTF(3, 4);

/* The number an option was given, or a usage error. */
uint64_t cli_usage_number(const struct argp_state *state, const char *option,
			  const char *word, uint64_t max);

/* The format of a snapshot file that was named, or a usage error. */
const struct tm_codec *cli_usage_codec(const struct argp_state *state,
				       const char *name);

/* A word that is not an option: a SOURCE. */
void cli_add_word(const struct argp_state *state, const char *word);

#endif
