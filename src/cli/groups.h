/*
 * The groups of options: an argp each, combined by options.c into that of a
 * command. Their input is a struct cli_options.
 */
#ifndef TM_CLI_GROUPS_H
#define TM_CLI_GROUPS_H

#include <argp.h>

#include "cli/options.h"

extern const struct argp cli_target_argp;
extern const struct argp cli_query_argp;
extern const struct argp cli_limit_argp;
extern const struct argp cli_filter_argp;
extern const struct argp cli_report_argp;
extern const struct argp cli_output_argp;
extern const struct argp cli_rounds_argp;
extern const struct argp cli_nframe_argp;
extern const struct argp cli_sample_argp;
extern const struct argp cli_recorder_argp;
extern const struct argp cli_timeout_argp;
extern const struct argp cli_children_argp;
extern const struct argp cli_ps_argp;
extern const struct argp cli_watch_argp;

/* The option tables of a command, each ending with a zeroed row. Returns how
 * many. */
enum { CLI_MAX_GROUPS = 32 };
size_t cli_command_options(const struct cli_command *command,
			   const struct argp_option *ret[CLI_MAX_GROUPS]);

/* A row of an argp_option table. */
#define OPTION(name, key, arg, doc) { name, key, arg, 0, doc, 0 }
#define OPTIONS_END { 0 }

/*
 * A usage error: the message in the form of all others, then where to read
 * on; ends the program. (argp_error() would put the command's name first.)
 */
void cli_usage(const struct argp_state *state, const char *object,
	       const char *cause, ...) TM_PRINTF(3, 4);

/* The number an option was given, or a usage error. */
uint64_t cli_usage_number(const struct argp_state *state, const char *option,
			  const char *word, uint64_t max);

/* The format of a snapshot file that was named, or a usage error. */
const struct tm_codec *cli_usage_codec(const struct argp_state *state,
				       const char *name);

/* A word that is no option: a SOURCE. */
void cli_add_word(const struct argp_state *state, const char *word);

#endif
