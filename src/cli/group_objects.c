#include "cli/groups.h"

#include <string.h>

#include "cli/units.h"

static const struct argp_option objects_options[] = {
	OPTION("key", 'k', "KEY", "Group by type (the default), module (that "
	       "defines the type) or root (that alone holds them)"),
	OPTION("retained", OPT_RETAINED, NULL, "Add what would be freed if the "
	       "group went away"),
	OPTION("line", OPT_OF_LINE, NULL, "Group by type and by the line that has "
	       "allocated the objects, where tracemalloc or start --exact "
	       "traces"),
	OPTION("suspects", OPT_SUSPECTS, NULL, "Show the few objects that retain "
	       "most, and what is in them"),
	OPTION("garbage", OPT_GARBAGE, NULL, "Only objects that no root leads to"),
	OPTION("no-holder", OPT_NO_HOLDER, NULL, "Only objects that count more "
	       "references than any holder explains"),
	OPTION("duplicates", OPT_DUPLICATES, NULL, "Show equal str and bytes"),
	OPTION("slack", OPT_SLACK, NULL, "Show containers that keep more room than "
	       "they need"),
	OPTION("values", OPT_VALUES, NULL, "Print values of str and bytes"),
	OPTIONS_END,
};

static const struct argp_option object_filter_options[] = {
	OPTION("type", OPT_TYPE, "PATTERN", "Objects of types whose name matches: "
	       "'shop.*', dict"),
	OPTION("module", OPT_MODULE, "PATTERN", "Objects whose type is defined in "
	       "such a module"),
	OPTION("min-size", OPT_MIN_SIZE, "SIZE", "Groups of at least SIZE bytes; K, "
	       "M and G may follow"),
	OPTIONS_END,
};

static const struct argp_option refs_options[] = {
	OPTION("down", OPT_DOWN, NULL, "Show what it holds, not who holds it"),
	OPTIONS_END,
};

static enum tm_heap_key key_named(const struct argp_state *state, const char *word)
{
	static const char *const names[] = {
		[TM_HEAP_TYPE] = "type",
		[TM_HEAP_MODULE] = "module",
		[TM_HEAP_ROOT] = "root",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], word) == 0)
			return (enum tm_heap_key)i;
	cli_usage(state, "--key", "'%s' is not type, module or root", word);
}

static void set_view(const struct argp_state *state, enum cli_objects_view view)
{
	struct cli_options *o = state->input;

	if (o->heap.view != CLI_OBJECTS_GROUPS && o->heap.view != view)
		cli_usage(state, "--suspects, --garbage, --no-holder, --duplicates, "
			  "--slack", "cannot be combined");
	o->heap.view = view;
}

static void check_objects(const struct argp_state *state)
{
	const struct cli_options *o = state->input;
	bool lists = o->heap.view == CLI_OBJECTS_SUSPECTS ||
		     o->heap.view == CLI_OBJECTS_DUPLICATES ||
		     o->heap.view == CLI_OBJECTS_SLACK;

	if (o->heap.values && o->heap.view != CLI_OBJECTS_DUPLICATES)
		cli_usage(state, "--values", "only --duplicates shows values");
	if (o->heap.query.line && (o->heap.query.retained ||
				   o->heap.query.key != TM_HEAP_TYPE))
		cli_usage(state, "--line", "goes with types alone: not with another --key, "
			  "nor with --retained");
	if (lists && (o->heap.query.retained || o->heap.query.line || o->heap.query.key != TM_HEAP_TYPE ||
		      o->heap.query.type || o->heap.query.module ||
		      o->heap.query.min_size))
		cli_usage(state, "--suspects, --duplicates, --slack",
			  "take no --key, no --retained and no filters");
	if (lists && o->nsources > 1)
		cli_usage(state, "--suspects, --duplicates, --slack",
			  "look at one SOURCE only");
}

static error_t parse_objects(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	switch (key) {
	case 'k':
		o->heap.query.key = key_named(state, arg);
		break;
	case OPT_RETAINED:
		o->heap.query.retained = true;
		break;
	case OPT_OF_LINE:
		o->heap.query.line = true;
		break;
	case OPT_SUSPECTS:
		set_view(state, CLI_OBJECTS_SUSPECTS);
		break;
	case OPT_GARBAGE:
		set_view(state, CLI_OBJECTS_GARBAGE);
		o->heap.query.which = TM_HEAP_GARBAGE;
		break;
	case OPT_NO_HOLDER:
		set_view(state, CLI_OBJECTS_NO_HOLDER);
		o->heap.query.which = TM_HEAP_NO_HOLDER;
		break;
	case OPT_DUPLICATES:
		set_view(state, CLI_OBJECTS_DUPLICATES);
		break;
	case OPT_SLACK:
		set_view(state, CLI_OBJECTS_SLACK);
		break;
	case OPT_VALUES:
		o->heap.values = true;
		break;
	case ARGP_KEY_SUCCESS:
		check_objects(state);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_object_filter(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	switch (key) {
	case OPT_TYPE:
		o->heap.query.type = arg;
		break;
	case OPT_MODULE:
		o->heap.query.module = arg;
		break;
	case OPT_MIN_SIZE:
		if (!cli_bytes(arg, &o->heap.query.min_size))
			cli_usage(state, "--min-size", "'%s' is not a size", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_refs(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	(void)arg;
	switch (key) {
	case OPT_DOWN:
		o->heap.down = true;
		break;
	case ARGP_KEY_SUCCESS:
		if (!o->heap.what)
			cli_usage(state, o->command->name,
				  "TYPE, ADDRESS or EXPRESSION is missing");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

const struct argp cli_objects_argp = {
	.options = objects_options,
	.parser = parse_objects,
};

const struct argp cli_object_filter_argp = {
	.options = object_filter_options,
	.parser = parse_object_filter,
};

const struct argp cli_refs_argp = {
	.options = refs_options,
	.parser = parse_refs,
};
