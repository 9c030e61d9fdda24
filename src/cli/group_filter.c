#include "cli/groups.h"

#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/quantity.h"
#include "cli/text.h"
#include "cli/units.h"

static const struct argp_option filter_options[] = {
	OPTION("include", OPT_INCLUDE, "PATTERN",
	       "Only traces of files that match (as in Python's fnmatch)"),
	OPTION("exclude", OPT_EXCLUDE, "PATTERN", "No traces of files that match"),
	OPTION("include-function", OPT_INCLUDE_FUNCTION, "PATTERN",
	       "Only traces of functions that match, with or without their arguments"),
	OPTION("exclude-function", OPT_EXCLUDE_FUNCTION, "PATTERN",
	       "No traces of functions that match"),
	OPTION("block-size", OPT_BLOCK_SIZE, "SIZE",
	       "Only blocks of SIZE bytes, or of MIN-MAX; one of both can be left out; "
	       "K, M and G may follow"),
	OPTION("older", OPT_OLDER, "DURATION", "Only blocks that are older, of the recorder "
	       "or a .tms file of it: 90s, 5m, 2h, 1d"),
	OPTION("newer", OPT_NEWER, "DURATION", "Only blocks that are newer, of the recorder"),
	OPTION("peak", OPT_PEAK, NULL, "The recorder's table as it was when most memory was "
	       "traced, not as it is now"),
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
	OPTION("skip", OPT_SKIP, "PATTERN", "Functions or files that allocate for "
	       "their caller, besides those that are known in native code: what counts "
	       "is the frame that called them"),
	OPTION("no-skip", OPT_NO_SKIP, NULL, "The most recent frame counts, also "
	       "where it is operator new, xmalloc or the like"),
	OPTION("map", OPT_MAP, "OLD=NEW",
	       "Treat files below directory OLD as if they were below NEW, "
	       "before anything is compared, grouped or filtered"),
	OPTION("strip-prefix", OPT_STRIP_PREFIX, "DIR",
	       "Show files below DIR by their names relative to it"),
	OPTIONS_END,
};

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
	filter->domain = (uint32_t)cli_usage_number(state, inclusive ?
					  "--include-domain" :
					  "--exclude-domain", word, UINT32_MAX);
}

static void add_function_filter(struct cli_options *o, bool inclusive, const char *word)
{
	struct tm_filter *filter = add_filter(o, inclusive);

	filter->pattern = cli_text_from_arg("*");
	filter->function = cli_text_from_arg(word);
	o->session.functions = true;
}

/* SIZE, MIN-MAX, MIN- or -MAX. */
static bool parse_sizes(const char *arg, struct tm_sizes *ret)
{
	const char *dash = strchr(arg, '-');
	TM_GUARD(tm_free_ptr) char *min = NULL;

	*ret = (struct tm_sizes){ 0, UINT64_MAX };
	if (!dash) {
		if (!cli_bytes(arg, &ret->min))
			return false;
		ret->max = ret->min;
		return ret->max > 0;
	}
	min = tm_memdup(arg, (size_t)(dash - arg));
	return (*min || dash[1]) && (!*min || cli_bytes(min, &ret->min)) &&
	       (!dash[1] || cli_bytes(dash + 1, &ret->max)) &&
	       ret->max > 0 && ret->min <= ret->max;
}

static void parse_block_size(const struct argp_state *state, const char *arg)
{
	struct cli_options *o = state->input;

	if (!parse_sizes(arg, &o->session.sizes))
		cli_usage(state, "--block-size", "takes a size or MIN-MAX, as 4096, "
			  "1M- or 64-512, not '%s'", arg);
}

static void parse_age(const struct argp_state *state, int key, const char *arg)
{
	struct tm_session_opts *opts = &((struct cli_options *)state->input)->session;
	const char *option = key == OPT_OLDER ? "--older" : "--newer";
	double seconds;

	if (!tm_duration(arg, &seconds))
		cli_usage(state, option, "takes a time, as 90s, 5m, 2h or 1d, not '%s'", arg);
	*(key == OPT_OLDER ? &opts->older_ns : &opts->newer_ns) = (uint64_t)(seconds * 1e9);
	if (opts->newer_ns && opts->older_ns >= opts->newer_ns)
		cli_usage(state, "--older, --newer", "no block is both");
}

static void add_mapping(struct cli_options *o, struct tm_text from, struct tm_text to)
{
	struct tm_session_opts *opts = &o->session;

	o->mappings = tm_reallocarray(o->mappings, opts->nmappings + 1,
				      sizeof(*o->mappings));
	o->mappings[opts->nmappings++] = (struct tm_mapping){ from, to };
	opts->mappings = o->mappings;
}

/* OLD=NEW; a name with a `=' in it can be NEW. */
static void parse_map(const struct argp_state *state, const char *arg)
{
	const size_t len = strcspn(arg, "=");
	TM_GUARD(tm_free_ptr) char *from = NULL;

	if (len == 0 || !arg[len])
		cli_usage(state, "--map", "takes OLD=NEW, two directories, not '%s'", arg);
	from = tm_memdup(arg, len);
	add_mapping(state->input, cli_text_from_arg(from), cli_text_from_arg(arg + len + 1));
}

static void parse_strip(const struct argp_state *state, const char *arg)
{
	if (!*arg)
		cli_usage(state, "--strip-prefix", "wants a directory");
	add_mapping(state->input, cli_text_from_arg(arg), cli_text_from_arg(""));
}

/* The filter that a modifier follows. */
static struct tm_filter *last_filter(const struct argp_state *state,
				     const char *option)
{
	const struct cli_options *o = state->input;

	if (o->query.nfilters == 0 ||
	    o->filters[o->query.nfilters - 1].domain_only)
		cli_usage(state, option, "must follow the --include or --exclude "
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
		filter->lineno = (uint32_t)cli_usage_number(state, "--line", arg,
						  UINT32_MAX);
		break;
	case OPT_ALL_FRAMES:
		last_filter(state, "--all-frames")->all_frames = true;
		break;
	case OPT_DOMAIN:
		filter = last_filter(state, "--domain");
		filter->has_domain = true;
		filter->domain = (uint32_t)cli_usage_number(state, "--domain", arg,
						  UINT32_MAX);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static void add_skip(struct cli_options *o, const char *arg)
{
	struct tm_skip *skip = &o->query.skip;

	o->skips = tm_reallocarray(o->skips, skip->n + 1, sizeof(*o->skips));
	o->skips[skip->n++] = cli_text_from_arg(arg);
	skip->patterns = o->skips;
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
	case OPT_INCLUDE_FUNCTION:
	case OPT_EXCLUDE_FUNCTION:
		add_function_filter(state->input, key == OPT_INCLUDE_FUNCTION, arg);
		break;
	case OPT_BLOCK_SIZE:
		parse_block_size(state, arg);
		break;
	case OPT_OLDER:
	case OPT_NEWER:
		parse_age(state, key, arg);
		break;
	case OPT_PEAK:
		((struct cli_options *)state->input)->session.at_peak = true;
		break;
	case OPT_SKIP:
		add_skip(state->input, arg);
		break;
	case OPT_NO_SKIP:
		((struct cli_options *)state->input)->query.skip.none = true;
		break;
	case OPT_MAP:
		parse_map(state, arg);
		break;
	case OPT_STRIP_PREFIX:
		parse_strip(state, arg);
		break;
	default:
		return parse_modifier(key, arg, state);
	}
	return 0;
}

const struct argp cli_filter_argp = {
	.options = filter_options,
	.parser = parse_filter,
};
