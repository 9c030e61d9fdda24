#include "cli/options.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/guard.h"
#include "cli/groups.h"
#include "cli/message.h"

/* In the order of --help. */
static const struct {
	unsigned group;
	struct argp_child child;
} groups[] = {
	{ CLI_OUTPUT, { &cli_output_argp, 0, "Output:", 1 } },
	{ CLI_QUERY, { &cli_query_argp, 0, "Grouping:", 2 } },
	{ CLI_LIMIT, { &cli_limit_argp, 0, NULL, 2 } },
	{ CLI_REPORT, { &cli_report_argp, 0, NULL, 2 } },
	{ CLI_FILTERS, { &cli_filter_argp, 0, "Filters, applied in the order "
			 "given, with the modifiers that follow them:", 3 } },
	{ CLI_NFRAME, { &cli_nframe_argp, 0, "Tracing:", 4 } },
	{ CLI_TIMEOUT, { &cli_timeout_argp, 0, NULL, 4 } },
	{ CLI_RECORDER, { &cli_recorder_argp, 0, NULL, 4 } },
	{ CLI_SAMPLE, { &cli_sample_argp, 0, NULL, 4 } },
	{ CLI_ROUNDS, { &cli_rounds_argp, 0, "Rounds:", 4 } },
	{ CLI_TARGET, { &cli_target_argp, 0, "Processes:", 5 } },
	{ CLI_CHILDREN, { &cli_children_argp, 0, NULL, 5 } },
	{ CLI_WATCH, { &cli_watch_argp, 0, "Watching:", 1 } },
	{ CLI_PS, { &cli_ps_argp, 0, NULL, 2 } },
};
#define NGROUPS (sizeof(groups) / sizeof(groups[0]))
_Static_assert(NGROUPS <= CLI_MAX_GROUPS, "cli_command_options() needs room");

size_t cli_command_options(const struct cli_command *command,
			   const struct argp_option *ret[CLI_MAX_GROUPS])
{
	size_t n = 0;

	for (size_t i = 0; i < NGROUPS; i++)
		if (command->groups & groups[i].group)
			ret[n++] = groups[i].child.argp->options;
	return n;
}

static void check_sources(const struct argp_state *state)
{
	const struct cli_options *o = state->input;
	const struct cli_command *command = o->command;

	if (o->nsources < command->min_sources)
		cli_usage(state, command->name, o->nsources == 0 ?
		      "%s is missing" : "%s: not all are given", command->args);
	if (o->nsources > command->max_sources)
		cli_usage(state, command->name, command->max_sources == 0 ?
		      "takes no words%s" : command->max_sources == 1 ?
		      "takes one %s only" : "takes %s, no more",
		      command->args);
	if ((command->groups & CLI_ADDRESS) && !o->has_address)
		cli_usage(state, command->name, "ADDRESS is missing");
	if ((command->groups & CLI_COMMAND) && !o->words)
		cli_usage(state, command->name, "%s is missing", command->args);
}

/* The command itself: its words, and the children's common input. */
static error_t parse_command(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;
	size_t n = 0;

	switch (key) {
	case ARGP_KEY_INIT:
		for (size_t i = 0; i < NGROUPS; i++)
			if (o->command->groups & groups[i].group)
				state->child_inputs[n++] = state->input;
		break;
	case ARGP_KEY_ARG:
		if (o->command->groups & CLI_COMMAND) {
			/* This word and all that follow, options or not. */
			o->words = &state->argv[state->next - 1];
			state->next = state->argc;
		} else {
			cli_add_word(state, arg);
		}
		break;
	case ARGP_KEY_END:
		check_sources(state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
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
				tm_buf_addf(&doc, "  %-10s %-16s %s\n",
					    codec->name, codec->suffix,
					    codec->summary);
		}
		tm_buf_addc(&doc, '\n');
	}
	tm_buf_addf(&doc, "Examples:\n%s", command->examples);
	return doc.data;
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

void cli_options_parse(struct cli_options *ret,
		       const struct cli_command *command, int argc, char **argv)
{
	TM_GUARD(tm_free_ptr) char *doc = help_text(command);
	TM_GUARD(tm_free_ptr) char *name =
		tm_asprintf("tmattach %s", command->name);
	struct argp_child children[NGROUPS + 1] = { 0 };
	struct argp argp = {
		.parser = parse_command,
		.args_doc = command->args,
		.doc = doc,
		.children = children,
	};
	size_t n = 0;
	error_t failed;

	for (size_t i = 0; i < NGROUPS; i++)
		if (command->groups & groups[i].group)
			children[n++] = groups[i].child;
	set_defaults(ret, command);
	argv[0] = name; /* what getopt puts before its messages */
	/* In order: a source's place among -p, --name and words counts. */
	failed = argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, ret);
	argv[0] = NULL;
	if (failed) {
		struct tm_err err;

		tm_err_os(&err, failed, command->name, "the command line");
		exit(cli_error(&err, CLI_ABOUT_FILE));
	}
}

void cli_options_deinit(struct cli_options *options)
{
	for (size_t i = 0; i < options->query.nfilters; i++)
		free((char *)options->filters[i].pattern.bytes);
	free(options->filters);
	free(options->watch.host);
	free(options->watch.port);
	free(options->sources);
}

size_t cli_options_limit(const struct cli_options *options)
{
	if (options->limit != CLI_LIMIT_UNSET)
		return options->limit;
	return options->format == CLI_TEXT || options->format == CLI_PRETTY ?
	       10 : 0;
}
