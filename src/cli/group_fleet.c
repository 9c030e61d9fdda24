#include "cli/groups.h"

static const struct argp_option children_options[] = {
	OPTION("children", OPT_CHILDREN, NULL, "Include all descendants of these "
	       "processes that run Python, such as a server's workers"),
	OPTIONS_END,
};

static const struct argp_option ps_options[] = {
	OPTION("all", 'a', NULL, "Include Python processes that cannot be "
	       "attached to, with the reason"),
	OPTIONS_END,
};

static error_t parse_children(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	(void)arg;
	if (key != OPT_CHILDREN)
		return ARGP_ERR_UNKNOWN;
	o->children = true;
	return 0;
}

static error_t parse_ps(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	(void)arg;
	if (key != 'a')
		return ARGP_ERR_UNKNOWN;
	o->all = true;
	return 0;
}

const struct argp cli_children_argp = {
	.options = children_options,
	.parser = parse_children,
};

const struct argp cli_ps_argp = {
	.options = ps_options,
	.parser = parse_ps,
};
