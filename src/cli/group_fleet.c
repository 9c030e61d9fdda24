#include "cli/groups.h"

static const struct argp_option children_options[] = {
	OPTION("children", OPT_CHILDREN, NULL, "Include all descendants of these "
	       "processes that run Python, such as a server's workers"),
	OPTIONS_END,
};

static const struct argp_option follow_options[] = {
	OPTION("follow", OPT_FOLLOW, NULL, "With --children: stay, and start in those that "
	       "come later, until all have ended or ^C"),
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

static error_t parse_follow(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	(void)arg;
	switch (key) {
	case OPT_FOLLOW:
		o->follow = true;
		break;
	case ARGP_KEY_SUCCESS:
		if (o->follow && !o->children)
			cli_usage(state, "--follow", "goes with --children");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
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

const struct argp cli_follow_argp = {
	.options = follow_options,
	.parser = parse_follow,
};

const struct argp cli_ps_argp = {
	.options = ps_options,
	.parser = parse_ps,
};
