#include "cli/groups.h"

#include <string.h>

#include "base/buf.h"
#include "base/guard.h"
#include "cli/number.h"

static const struct argp_option query_options[] = {
	OPTION("key", 'k', "KEY", "Group by filename, lineno (the default), "
	       "traceback, function or thread"),
	OPTION("cumulative", 'c', NULL, "Count a trace for every frame of its "
	       "traceback, not only for the most recent one"),
	OPTIONS_END,
};

static const struct argp_option limit_options[] = {
	OPTION("limit", 'l', "N", "Show the first N only; 0: all. Default: 10 "
	       "for statistics as text, else all"),
	OPTIONS_END,
};

static const struct argp_option functions_options[] = {
	OPTION("functions", OPT_FUNCTIONS, NULL, "Name the functions in tracebacks "
	       "of Python, as the process has them"),
	OPTIONS_END,
};

static const struct argp_option ages_options[] = {
	OPTION("ages", OPT_AGES, NULL, "Show how old the newest and the oldest block of "
	       "each group is, of the recorder"),
	OPTIONS_END,
};

static const struct argp_option report_options[] = {
	OPTION("format", 'f', "FORMAT", "The form of the report"),
	OPTIONS_END,
};

static const struct argp_option rounds_options[] = {
	OPTION("batch", 'b', NULL, "Print plain text, as for a file or a pipe"),
	OPTION("delay", 'd', "SECS", "Seconds between rounds (default 2)"),
	OPTION("iterations", 'n', "ROUNDS", "End after this many rounds"),
	OPTIONS_END,
};

const char *cli_formats(const struct cli_command *command)
{
	return command->formats ? command->formats : CLI_ALL_FORMATS;
}

char *cli_formats_prose(const struct cli_command *command,
			const char *behind_first)
{
	struct tm_buf prose = { 0 };

	for (const char *word = cli_formats(command); *word;) {
		size_t n = strcspn(word, " ");
		bool last = word[n] == '\0';

		if (prose.len)
			tm_buf_adds(&prose, last ? " or " : ", ");
		tm_buf_add(&prose, word, n);
		if (word == cli_formats(command))
			tm_buf_adds(&prose, behind_first);
		word += last ? n : n + 1;
	}
	return prose.data;
}

static enum tm_key key_named(const struct argp_state *state, const char *word)
{
	TM_GUARD(tm_buf_free) struct tm_buf names = { 0 };
	const char *name;

	for (int i = 0; (name = tm_key_name((enum tm_key)i)); i++) {
		if (strcmp(name, word) == 0)
			return (enum tm_key)i;
		tm_buf_addf(&names, "%s%s", i == 0 ? "" : ", ", name);
	}
	cli_usage(state, "--key", "'%s' is none of %s", word, names.data);
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
		if (o->query.cumulative && (o->query.key == TM_KEY_TRACEBACK ||
					    o->query.key == TM_KEY_THREAD))
			cli_usage(state, "--cumulative", "cannot be used with --key %s",
				  tm_key_name(o->query.key));
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
	o->limit = cli_usage_number(state, "--limit", arg, UINT32_MAX);
	return 0;
}

static error_t parse_functions(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	(void)arg;
	switch (key) {
	case OPT_FUNCTIONS:
		o->functions = true;
		break;
	case ARGP_KEY_SUCCESS:
		o->session.functions |= o->functions || o->format == REPORT_JSON ||
				       o->query.key == TM_KEY_FUNCTION;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_ages(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	(void)arg;
	switch (key) {
	case OPT_AGES:
		o->ages = true;
		break;
	case ARGP_KEY_SUCCESS:
		o->session.ages |= o->ages || o->format == REPORT_JSON;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static bool is_among(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (;; words += strspn(words, " ")) {
		size_t n = strcspn(words, " ");

		if (n == 0)
			return false;
		if (n == len && memcmp(words, word, n) == 0)
			return true;
		words += n;
	}
}

static error_t parse_report(int key, char *arg, struct argp_state *state)
{
	static const char *const names[] = {
		[REPORT_TEXT] = "text",
		[REPORT_PRETTY] = "pretty",
		[REPORT_JSON] = "json",
		[REPORT_CSV] = "csv",
	};
	struct cli_options *o = state->input;
	TM_GUARD(tm_free_ptr) char *list = NULL;

	if (key != 'f')
		return ARGP_ERR_UNKNOWN;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], arg) == 0 &&
		    is_among(cli_formats(o->command), arg)) {
			o->format = (enum report_form)i;
			return 0;
		}
	list = cli_formats_prose(o->command, "");
	cli_usage(state, "--format", "'%s' is not %s", arg, list);
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
			cli_usage(state, "--delay", "'%s' is not a number of "
			      "seconds above 0, at most 86400", arg);
		break;
	case 'n':
		o->rounds = (unsigned)cli_usage_number(state, "--iterations", arg,
					     UINT32_MAX);
		if (o->rounds == 0)
			cli_usage(state, "--iterations", "must be at least one round");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp cli_query_argp = {
	.options = query_options,
	.parser = parse_query,
};

const struct argp cli_limit_argp = {
	.options = limit_options,
	.parser = parse_limit,
};

const struct argp cli_functions_argp = {
	.options = functions_options,
	.parser = parse_functions,
};

const struct argp cli_ages_argp = {
	.options = ages_options,
	.parser = parse_ages,
};

const struct argp cli_report_argp = {
	.options = report_options,
	.parser = parse_report,
};

const struct argp cli_rounds_argp = {
	.options = rounds_options,
	.parser = parse_rounds,
};
