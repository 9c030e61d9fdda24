#include "cli/groups.h"

#include <string.h>

#include "base/buf.h"
#include "base/guard.h"
#include "tmattach/codec.h"

static const struct argp_option output_options[] = {
	OPTION("output", 'o', "FILE", "Where the snapshot goes; - is stdout"),
	OPTION("format", 'f', "FORMAT", "The file's format, whatever its "
	       "suffix says; see below"),
	OPTIONS_END,
};

static const struct argp_option baseline_options[] = {
	OPTION("baseline", OPT_BASELINE, "FILE", "Colour an html page by the "
	       "differences to this snapshot"),
	OPTIONS_END,
};

const struct tm_codec *cli_usage_codec(const struct argp_state *state,
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
	cli_usage(state, "--format", "'%s' cannot be written; these can: %s", name,
		  known.data ? known.data : "");
}

static void choose_codec(const struct argp_state *state, struct cli_options *o)
{
	if (!o->output && (o->command->groups & CLI_COMMAND) && !o->codec)
		return;
	if (!o->output)
		cli_usage(state, "--output", "is missing: say with -o FILE where the snapshot goes");
	if (o->codec)
		return;
	o->codec = strcmp(o->output, "-") == 0 ? tm_codec_by_name("tms") :
						 tm_codec_by_suffix(o->output);
	if (!o->codec || !o->codec->write)
		cli_usage(state, o->output, "no format has this suffix; name one "
		      "with --format");
}

static error_t parse_output(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	switch (key) {
	case 'o':
		if (arg[0] == '\0')
			cli_usage(state, "--output", "an empty file name");
		o->output = arg;
		break;
	case 'f':
		o->codec = cli_usage_codec(state, arg);
		break;
	case ARGP_KEY_SUCCESS:
		choose_codec(state, o);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* Behind parse_output() in the list of groups: the format is known. */
static error_t parse_baseline(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	if (key == OPT_BASELINE) {
		o->baseline = arg;
		return 0;
	}
	if (key != ARGP_KEY_SUCCESS)
		return ARGP_ERR_UNKNOWN;
	if (o->baseline && o->codec != tm_codec_by_name("html"))
		cli_usage(state, "--baseline", "only html pages show differences");
	return 0;
}

const struct argp cli_baseline_argp = {
	.options = baseline_options,
	.parser = parse_baseline,
};

const struct argp cli_output_argp = {
	.options = output_options,
	.parser = parse_output,
};
