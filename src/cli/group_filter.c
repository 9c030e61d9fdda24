#include "cli/groups.h"

#include "base/alloc.h"
#include "cli/text.h"

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

const struct argp cli_filter_argp = {
	.options = filter_options,
	.parser = parse_filter,
};
