#include "cli/options.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/guard.h"
#include "cli/message.h"
#include "cli/number.h"
#include "cli/text.h"

/* Options without a short form. */
enum {
	OPT_NAME = 0x100,
	OPT_FREEZE,
	OPT_NO_FORK,
	OPT_RECORDER,
	OPT_INCLUDE,
	OPT_EXCLUDE,
	OPT_LINE,
	OPT_ALL_FRAMES,
	OPT_DOMAIN,
	OPT_INCLUDE_DOMAIN,
	OPT_EXCLUDE_DOMAIN,
};

#define OPTION(name, key, arg, doc) { name, key, arg, 0, doc, 0 }
#define OPTIONS_END { 0 }

static const struct argp_option target_options[] = {
	OPTION("pid", 'p', "PID[,PID...]", "These processes, as a SOURCE"),
	OPTION("name", OPT_NAME, "NAME", "The one process of this name: its "
	       "command, its program's file, or the script Python runs"),
	OPTION("freeze", OPT_FREEZE, NULL,
	       "Read from a frozen copy of the process, or fail"),
	OPTION("no-fork", OPT_NO_FORK, NULL,
	       "Read while the process is stopped, without a copy"),
	OPTION("recorder", OPT_RECORDER, NULL,
	       "Use the native recorder, in a CPython process too"),
	OPTION("verbose", 'v', NULL, "Say on stderr what is done"),
	OPTIONS_END,
};

static const struct argp_option query_options[] = {
	OPTION("key", 'k', "KEY", "Group by filename, lineno (the default) or "
	       "traceback"),
	OPTION("cumulative", 'c', NULL, "Count a trace for every frame of its "
	       "traceback, not only for the most recent one"),
	OPTIONS_END,
};

static const struct argp_option limit_options[] = {
	OPTION("limit", 'l', "N", "Show the first N only; 0: all. Default: 10 "
	       "for statistics as text, else all"),
	OPTIONS_END,
};

static const struct argp_option filter_options[] = {
	OPTION("include", OPT_INCLUDE, "PATTERN",
	       "Only traces of files that match (as Python's fnmatch)"),
	OPTION("exclude", OPT_EXCLUDE, "PATTERN", "No traces of such files"),
	OPTION("line", OPT_LINE, "N",
	       "The filter before this matches line N only"),
	OPTION("all-frames", OPT_ALL_FRAMES, NULL, "The filter before this "
	       "looks at all frames, not only at the most recent one"),
	OPTION("domain", OPT_DOMAIN, "N",
	       "The filter before this matches domain N only"),
	OPTION("include-domain", OPT_INCLUDE_DOMAIN, "N",
	       "Only traces of this domain"),
	OPTION("exclude-domain", OPT_EXCLUDE_DOMAIN, "N",
	       "No traces of this domain"),
	OPTIONS_END,
};

static const struct argp_option report_options[] = {
	OPTION("format", 'f', "FORMAT",
	       "text (the default), pretty, json or csv"),
	OPTIONS_END,
};

static const struct argp_option output_options[] = {
	OPTION("output", 'o', "FILE", "Where the snapshot goes; - is stdout"),
	OPTION("format", 'f', "FORMAT", "The file's format, whatever its "
	       "suffix says; see below"),
	OPTIONS_END,
};

static const struct argp_option rounds_options[] = {
	OPTION("batch", 'b', NULL, "Print plain text, as for a file or a pipe"),
	OPTION("delay", 'd', "SECS", "Seconds from round to round (default 2)"),
	OPTION("iterations", 'n', "ROUNDS", "End after so many rounds"),
	OPTIONS_END,
};

/*
 * A usage error: the message in the form of all others, then where to read
 * on. argp's own argp_error() would put the command's name first.
 */
static void TM_PRINTF(3, 4)
usage(const struct argp_state *state, const char *object, const char *cause,
      ...)
{
	struct tm_err err = { .kind = TM_ERR_USAGE };
	va_list args;

	snprintf(err.object, sizeof(err.object), "%s", object);
	va_start(args, cause);
	vsnprintf(err.cause, sizeof(err.cause), cause, args);
	va_end(args);
	cli_error(&err, CLI_ABOUT_FILE);
	argp_state_help(state, stderr, ARGP_HELP_STD_ERR);
}

static uint64_t number(const struct argp_state *state, const char *option,
		       const char *word, uint64_t max)
{
	uint64_t value = 0;

	if (!cli_number(word, max, &value))
		usage(state, option, "'%s' is not a number from 0 to %llu",
		      word, (unsigned long long)max);
	return value;
}

static struct cli_source_spec *add_source(struct cli_options *o)
{
	o->sources = tm_reallocarray(o->sources, o->nsources + 1,
				     sizeof(*o->sources));
	return &o->sources[o->nsources++];
}

static void add_pid(const struct argp_state *state, const char *word)
{
	uint64_t pid;

	if (!cli_number(word, INT32_MAX, &pid) || pid == 0)
		usage(state, word, "not a process id");
	*add_source(state->input) = (struct cli_source_spec){
		.by = CLI_BY_PID, .pid = (pid_t)pid, .text = word,
	};
}

static void add_pids(const struct argp_state *state, char *list)
{
	char *word;

	while ((word = strsep(&list, ",")))
		add_pid(state, word);
}

/* All digits is a PID, as for kill and strace; ./4711 is the file. */
static void add_word(const struct argp_state *state, const char *word)
{
	if (word[0] && word[strspn(word, "0123456789")] == '\0')
		add_pid(state, word);
	else
		*add_source(state->input) = (struct cli_source_spec){
			.by = CLI_BY_FILE, .text = word,
		};
}

static error_t parse_target(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	switch (key) {
	case 'p':
		add_pids(state, arg);
		break;
	case OPT_NAME:
		*add_source(o) = (struct cli_source_spec){
			.by = CLI_BY_NAME, .text = arg,
		};
		break;
	case OPT_FREEZE:
	case OPT_NO_FORK:
		if (o->session.freeze != TM_FREEZE_AUTO)
			usage(state, "--freeze, --no-fork", "only one of them");
		o->session.freeze = key == OPT_FREEZE ? TM_FREEZE_FORCE :
							TM_FREEZE_NEVER;
		break;
	case OPT_RECORDER:
		o->session.use_recorder = true;
		break;
	case 'v':
		o->verbose = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static enum tm_key key_named(const struct argp_state *state, const char *word)
{
	static const char *const names[] = {
		[TM_KEY_FILENAME] = "filename",
		[TM_KEY_LINENO] = "lineno",
		[TM_KEY_TRACEBACK] = "traceback",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], word) == 0)
			return (enum tm_key)i;
	usage(state, "--key", "'%s' is not filename, lineno or traceback",
	      word);
	return TM_KEY_LINENO;
}

static error_t parse_query(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	switch (key) {
	case 'k':
		o->query.key = key_named(state, arg);
		break;
	case 'c':
		o->query.cumulative = true;
		break;
	case ARGP_KEY_SUCCESS:
		if (o->query.cumulative && o->query.key == TM_KEY_TRACEBACK)
			usage(state, "--cumulative",
			      "cannot be used with --key traceback");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_limit(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	if (key != 'l')
		return ARGP_ERR_UNKNOWN;
	o->limit = number(state, "--limit", arg, UINT32_MAX);
	return 0;
}

static struct tm_filter *add_filter(struct cli_options *o, bool inclusive)
{
	o->filters = tm_reallocarray(o->filters, o->query.nfilters + 1,
				     sizeof(*o->filters));
	o->query.filters = o->filters;
	o->filters[o->query.nfilters] = (struct tm_filter){
		.inclusive = inclusive,
	};
	return &o->filters[o->query.nfilters++];
}

static void add_domain_filter(const struct argp_state *state, bool inclusive,
			      const char *word)
{
	struct tm_filter *filter = add_filter(state->input, inclusive);

	filter->domain_only = true;
	filter->has_domain = true;
	filter->domain = (uint32_t)number(state, inclusive ?
					  "--include-domain" :
					  "--exclude-domain", word, UINT32_MAX);
}

/* The filter that a modifier follows. */
static struct tm_filter *last_filter(const struct argp_state *state,
				     const char *option)
{
	const struct cli_options *o = state->input;

	if (o->query.nfilters == 0 ||
	    o->filters[o->query.nfilters - 1].domain_only)
		usage(state, option, "must follow the --include or --exclude "
		      "that it modifies");
	return &o->filters[o->query.nfilters - 1];
}

static error_t parse_modifier(int key, const char *arg,
			      const struct argp_state *state)
{
	struct tm_filter *filter;

	switch (key) {
	case OPT_LINE:
		filter = last_filter(state, "--line");
		filter->has_lineno = true;
		filter->lineno = (uint32_t)number(state, "--line", arg,
						  UINT32_MAX);
		break;
	case OPT_ALL_FRAMES:
		last_filter(state, "--all-frames")->all_frames = true;
		break;
	case OPT_DOMAIN:
		filter = last_filter(state, "--domain");
		filter->has_domain = true;
		filter->domain = (uint32_t)number(state, "--domain", arg,
						  UINT32_MAX);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_filter(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case OPT_INCLUDE:
	case OPT_EXCLUDE:
		add_filter(state->input, key == OPT_INCLUDE)->pattern =
			cli_text_from_arg(arg);
		break;
	case OPT_INCLUDE_DOMAIN:
	case OPT_EXCLUDE_DOMAIN:
		add_domain_filter(state, key == OPT_INCLUDE_DOMAIN, arg);
		break;
	default:
		return parse_modifier(key, arg, state);
	}
	return 0;
}

static error_t parse_report(int key, char *arg, struct argp_state *state)
{
	static const char *const names[] = {
		[CLI_TEXT] = "text",
		[CLI_PRETTY] = "pretty",
		[CLI_JSON] = "json",
		[CLI_CSV] = "csv",
	};
	struct cli_options *o = state->input;

	if (key != 'f')
		return ARGP_ERR_UNKNOWN;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], arg) == 0) {
			o->format = (enum cli_format)i;
			return 0;
		}
	usage(state, "--format", "'%s' is not text, pretty, json or csv", arg);
	return 0;
}

static const struct tm_codec *codec_named(const struct argp_state *state,
					  const char *name)
{
	TM_GUARD(tm_buf_free) struct tm_buf known = { 0 };
	const struct tm_codec *codec = tm_codec_by_name(name);

	if (codec && codec->write)
		return codec;
	for (size_t i = 0; i < tm_codec_count(); i++)
		if (tm_codec_at(i)->write)
			tm_buf_addf(&known, "%s%s", known.len ? ", " : "",
				    tm_codec_at(i)->name);
	usage(state, "--format", "'%s' cannot be written; these can: %s", name,
	      known.data ? known.data : "");
	return NULL;
}

static void choose_codec(const struct argp_state *state, struct cli_options *o)
{
	if (!o->output)
		usage(state, "--output", "say with -o FILE where the snapshot goes");
	if (o->codec)
		return;
	o->codec = strcmp(o->output, "-") == 0 ? tm_codec_by_name("tms") :
						 tm_codec_by_suffix(o->output);
	if (!o->codec || !o->codec->write)
		usage(state, o->output, "no format has this suffix; name one "
		      "with --format");
}

static error_t parse_output(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	switch (key) {
	case 'o':
		if (arg[0] == '\0')
			usage(state, "--output", "an empty file name");
		o->output = arg;
		break;
	case 'f':
		o->codec = codec_named(state, arg);
		break;
	case ARGP_KEY_SUCCESS:
		choose_codec(state, o);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_rounds(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	switch (key) {
	case 'b':
		o->batch = true;
		break;
	case 'd':
		if (!cli_seconds(arg, &o->interval))
			usage(state, "--delay", "'%s' is not a number of "
			      "seconds above 0, at most 86400", arg);
		break;
	case 'n':
		o->rounds = (unsigned)number(state, "--iterations", arg,
					     UINT32_MAX);
		if (o->rounds == 0)
			usage(state, "--iterations", "at least one round");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp target_argp = { target_options, parse_target,
					 0, 0, 0, 0, 0 };
static const struct argp query_argp = { query_options, parse_query,
					0, 0, 0, 0, 0 };
static const struct argp limit_argp = { limit_options, parse_limit,
					0, 0, 0, 0, 0 };
static const struct argp filter_argp = { filter_options, parse_filter,
					 0, 0, 0, 0, 0 };
static const struct argp report_argp = { report_options, parse_report,
					 0, 0, 0, 0, 0 };
static const struct argp output_argp = { output_options, parse_output,
					 0, 0, 0, 0, 0 };
static const struct argp rounds_argp = { rounds_options, parse_rounds,
					 0, 0, 0, 0, 0 };

/* In the order of --help. */
static const struct {
	unsigned group;
	struct argp_child child;
} groups[] = {
	{ CLI_OUTPUT, { &output_argp, 0, "Output:", 1 } },
	{ CLI_QUERY, { &query_argp, 0, "Grouping:", 2 } },
	{ CLI_LIMIT, { &limit_argp, 0, NULL, 2 } },
	{ CLI_REPORT, { &report_argp, 0, NULL, 2 } },
	{ CLI_FILTERS, { &filter_argp, 0, "Filters, applied in the order "
			 "given, with the modifiers that follow them:", 3 } },
	{ CLI_ROUNDS, { &rounds_argp, 0, "Rounds:", 4 } },
	{ CLI_TARGET, { &target_argp, 0, "Processes:", 5 } },
};
#define NGROUPS (sizeof(groups) / sizeof(groups[0]))

static void check_sources(const struct argp_state *state)
{
	const struct cli_options *o = state->input;
	const struct cli_command *command = o->command;

	if (o->nsources < command->min_sources)
		usage(state, command->name, o->nsources == 0 ?
		      "%s is missing" : "%s: not all are given", command->args);
	if (o->nsources > command->max_sources)
		usage(state, command->name, command->max_sources == 1 ?
		      "takes one %s only" : "takes %s, no more",
		      command->args);
}

/* The command itself: its words, and the children's common input. */
static error_t parse_command(int key, char *arg, struct argp_state *state)
{
	const struct cli_options *o = state->input;
	size_t n = 0;

	switch (key) {
	case ARGP_KEY_INIT:
		for (size_t i = 0; i < NGROUPS; i++)
			if (o->command->groups & groups[i].group)
				state->child_inputs[n++] = state->input;
		break;
	case ARGP_KEY_ARG:
		add_word(state, arg);
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
	argv[0] = name;
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
	free(options->sources);
}

size_t cli_options_limit(const struct cli_options *options)
{
	if (options->limit != CLI_LIMIT_UNSET)
		return options->limit;
	return options->format == CLI_TEXT || options->format == CLI_PRETTY ?
	       10 : 0;
}
