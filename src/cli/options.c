#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/guard.h"
#include "cli/groups.h"
#include "cli/message.h"
#include "cli/output.h"
#include "cli/version.h"

/* The sections of --help, in their order. */
enum section {
	OUTPUT = 1, WATCHING, GROUPING, OBJECTS, OBJECT_FILTERS, FILTERS, TRACING, ROUNDS, PROCESSES,
};

static const char *const headings[] = {
	[OUTPUT] = "Output:",
	[WATCHING] = "Watching:",
	[GROUPING] = "Grouping:",
	[OBJECTS] = "Objects:",
	[OBJECT_FILTERS] = "Filters:",
	[FILTERS] = "Filters, in the order given, each with its modifiers:",
	[TRACING] = "Tracing:",
	[ROUNDS] = "Rounds:",
	[PROCESSES] = "Processes:",
};
#define NSECTIONS (sizeof(headings) / sizeof(headings[0]))

static const struct group {
	unsigned group;
	enum section section;
	const struct argp *argp;
} groups[] = {
	{ CLI_OUTPUT, OUTPUT, &cli_output_argp },
	{ CLI_HEAP, OUTPUT, &cli_heap_argp },
	{ CLI_BASELINE, OUTPUT, &cli_baseline_argp },
	{ CLI_REPORT, OUTPUT, &cli_report_argp },
	{ CLI_LIMIT, OUTPUT, &cli_limit_argp },
	{ CLI_FUNCTIONS, OUTPUT, &cli_functions_argp },
	{ CLI_AGES, OUTPUT, &cli_ages_argp },
	{ CLI_WATCH, WATCHING, &cli_watch_argp },
	{ CLI_QUERY, GROUPING, &cli_query_argp },
	{ CLI_OBJECTS, OBJECTS, &cli_objects_argp },
	{ CLI_REFS, OBJECTS, &cli_refs_argp },
	{ CLI_OBJECT_FILTERS, OBJECT_FILTERS, &cli_object_filter_argp },
	{ CLI_FILTERS, FILTERS, &cli_filter_argp },
	{ CLI_NFRAME, TRACING, &cli_nframe_argp },
	{ CLI_TIMEOUT, TRACING, &cli_timeout_argp },
	{ CLI_SAMPLE, TRACING, &cli_sample_argp },
	{ CLI_EXACT, TRACING, &cli_exact_argp },
	{ CLI_ROUNDS, ROUNDS, &cli_rounds_argp },
	{ CLI_PROCESS, PROCESSES, &cli_process_argp },
	{ CLI_PS, PROCESSES, &cli_ps_argp },
	{ CLI_CHILDREN, PROCESSES, &cli_children_argp },
	{ CLI_FOLLOW, PROCESSES, &cli_follow_argp },
	{ CLI_RECORDER, PROCESSES, &cli_recorder_argp },
	{ CLI_READ, PROCESSES, &cli_read_argp },
	{ CLI_EXE, PROCESSES, &cli_exe_argp },
};
#define NGROUPS (sizeof(groups) / sizeof(groups[0]))

/* Of every command. Group -1: after all others. */
static const struct argp_option help_options[] = {
	{ "help", 'h', NULL, 0, "Show this help", -1 },
	{ NULL, '?', NULL, OPTION_HIDDEN, NULL, -1 },
	{ "usage", OPT_USAGE, NULL, 0, "Show a short usage message", -1 },
	{ "version", 'V', NULL, 0, "Show the version", -1 },
	OPTIONS_END,
};

/* ---- the rows of --help -------------------------------------------------- */

struct rows {
	struct argp_option *items;
	size_t n, cap;
};

static void add_row(struct rows *rows, const struct argp_option *row)
{
	rows->items = tm_grow(rows->items, &rows->cap, rows->n + 1,
			      sizeof(*rows->items));
	rows->items[rows->n++] = *row;
}

static bool ends(const struct argp_option *row)
{
	return !row->name && !row->key && !row->doc;
}

/* `run` names no process: the recorder is one of its ways of tracing. */
static enum section section_of(const struct group *group,
			       const struct cli_command *command)
{
	return (group->group & (CLI_RECORDER | CLI_CHILDREN)) && (command->groups & CLI_COMMAND) ?
	       TRACING : group->section;
}

static void add_section(struct rows *rows, const struct cli_command *command,
			enum section section)
{
	const struct argp_option heading = {
		.doc = headings[section], .group = (int)section,
	};
	size_t before = rows->n;

	for (size_t i = 0; i < NGROUPS; i++) {
		const struct argp_option *row = groups[i].argp->options;

		if (!(command->groups & groups[i].group) ||
		    section_of(&groups[i], command) != section)
			continue;
		if (rows->n == before)
			add_row(rows, &heading);
		for (; !ends(row); row++)
			add_row(rows, row); /* in the group of the heading */
	}
}

struct argp_option *cli_command_options(const struct cli_command *command)
{
	struct rows rows = { 0 };
	const struct argp_option *row = help_options;

	for (size_t i = 1; i < NSECTIONS; i++)
		add_section(&rows, command, (enum section)i);
	for (; !ends(row); row++)
		add_row(&rows, row);
	add_row(&rows, row);
	return rows.items;
}

/* What --help says of an option that is not the same everywhere. */
static char *help_filter(int key, const char *text, void *input)
{
	const struct cli_options *o = input;

	if (key == 'f' && o && (o->command->groups & CLI_REPORT))
		return cli_formats_prose(o->command, " (the default)");
	return (char *)text;
}

/* What --help says around the options. */
static char *help_text(const struct cli_command *command)
{
	struct tm_buf doc = { 0 };

	tm_buf_addf(&doc, "%s\v", command->summary);
	if (command->groups & CLI_OUTPUT) {
		tm_buf_adds(&doc, "Formats:\n");
		for (size_t i = 0; i < tm_codec_count(); i++) {
			const struct tm_codec *codec = tm_codec_at(i);

			if (codec->write)
				tm_buf_addf(&doc, "  %-13s %-16s %s\n",
					    codec->name, codec->suffix,
					    codec->summary);
		}
		tm_buf_addc(&doc, '\n');
	}
	tm_buf_addf(&doc, "Examples:\n%s", command->examples);
	return doc.data;
}

static void print_help(struct argp_state *state, unsigned flags)
{
	const struct cli_options *o = state->input;
	TM_GUARD(tm_free_ptr) char *name =
		tm_asprintf("tmattach %s", o->command->name);

	state->name = name;
	/* No lecture on long options; settings of the user take precedence. */
	setenv("ARGP_HELP_FMT", "no-dup-args-note", 0);
	argp_state_help(state, stdout, flags);
	exit(cli_output_finish(CLI_DONE));
}

/* ---- reading a command line ---------------------------------------------- */

static void check_sources(const struct argp_state *state)
{
	const struct cli_options *o = state->input;
	const struct cli_command *command = o->command;

	if (o->nsources < command->min_sources)
		cli_usage(state, command->name, o->nsources == 0 ?
		      "%s is missing" : "takes %s: not all are given",
		      command->args);
	if (o->nsources > command->max_sources)
		cli_usage(state, command->name, command->max_sources == 0 ?
		      "takes no arguments%s" : command->max_sources == 1 ?
		      "takes one %s only" : "takes %s, no more",
		      command->args);
	if ((command->groups & CLI_ADDRESS) && !o->has_address)
		cli_usage(state, command->name, "ADDRESS is missing");
	if ((command->groups & CLI_COMMAND) && !o->words)
		cli_usage(state, command->name, "%s is missing", command->args);
}

static void take_word(struct argp_state *state, char *word)
{
	struct cli_options *o = state->input;

	if (o->command->groups & CLI_COMMAND) {
		/* This word and all that follow, options or not. */
		o->words = &state->argv[state->next - 1];
		state->next = state->argc;
	} else {
		cli_add_word(state, word);
	}
}

/* An option goes to the one group that knows it, an event to all. */
static error_t ask_groups(int key, char *arg, struct argp_state *state)
{
	const struct cli_options *o = state->input;

	for (size_t i = 0; i < NGROUPS; i++)
		if ((o->command->groups & groups[i].group) &&
		    groups[i].argp->parser(key, arg, state) == 0 &&
		    key != ARGP_KEY_SUCCESS)
			return 0;
	return ARGP_ERR_UNKNOWN;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case ARGP_KEY_INIT:
		/* getopt has said what is wrong; we say where to read on. */
		state->err_stream = NULL;
		return 0;
	case ARGP_KEY_ARG:
		take_word(state, arg);
		return 0;
	case ARGP_KEY_END:
		check_sources(state);
		return 0;
	case 'h':
	case '?':
		print_help(state, ARGP_HELP_SHORT_USAGE | ARGP_HELP_PRE_DOC |
				  ARGP_HELP_LONG | ARGP_HELP_POST_DOC);
		return 0;
	case OPT_USAGE:
		print_help(state, ARGP_HELP_USAGE);
		return 0;
	case 'V':
		exit(cli_print_version());
	default:
		return ask_groups(key, arg, state);
	}
}

static void set_defaults(struct cli_options *o,
			 const struct cli_command *command)
{
	*o = (struct cli_options){
		.command = command,
		.query.key = TM_KEY_LINENO,
		.limit = CLI_LIMIT_UNSET,
		.interval = 2.0,
		.watch = { .every = 60, .top = 10 },
		.nframe = 1,
	};
}

static _Noreturn void give_up(const struct cli_command *command, error_t why)
{
	struct tm_err err;

	/* getopt has already reported what it does not know. */
	if (why == EINVAL) {
		cli_note(CLI_SEE_HELP, command->name);
		exit(CLI_USAGE);
	}
	tm_err_os(&err, why, command->name, "the command line");
	exit(cli_error(&err, CLI_ABOUT_FILE));
}

void cli_options_parse(struct cli_options *ret,
		       const struct cli_command *command, int argc, char **argv)
{
	TM_GUARD(tm_free_ptr) char *doc = help_text(command);
	TM_GUARD(tm_free_ptr) struct argp_option *rows =
		cli_command_options(command);
	TM_GUARD(tm_free_ptr) char *object =
		tm_asprintf("tmattach: %s", command->name);
	const struct argp argp = {
		.options = rows,
		.parser = parse,
		.args_doc = command->args[0] ? command->args : NULL,
		.doc = doc,
		.help_filter = help_filter,
	};
	error_t failed;

	set_defaults(ret, command);
	argv[0] = object; /* what getopt puts before its messages */
	/* In order: the order of sources among -p, --name and words matters. */
	failed = argp_parse(&argp, argc, argv, ARGP_IN_ORDER | ARGP_NO_HELP,
			    NULL, ret);
	argv[0] = NULL;
	if (failed)
		give_up(command, failed);
}

void cli_options_deinit(struct cli_options *options)
{
	for (size_t i = 0; i < options->query.nfilters; i++) {
		free((char *)options->filters[i].pattern.bytes);
		free((char *)options->filters[i].function.bytes);
	}
	free(options->filters);
	for (size_t i = 0; i < options->query.skip.n; i++)
		free((char *)options->skips[i].bytes);
	free(options->skips);
	for (size_t i = 0; i < options->session.nmappings; i++)
		tm_mapping_free(&options->mappings[i]);
	free(options->mappings);
	free(options->watch.host);
	free(options->watch.port);
	free(options->sources);
}

struct report cli_options_report(const struct cli_options *options,
				 const struct tm_source_lines *lines)
{
	size_t unset = report_is_for_scripts(options->format) ? 0 : 10;

	return (struct report){
		.form = options->format,
		.limit = options->limit == CLI_LIMIT_UNSET ? unset
							   : options->limit,
		.functions = options->functions,
		.ages = options->ages,
		.lines = lines,
		.out = stdout,
	};
}
