#include "cli/groups.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/guard.h"
#include "tmattach/file.h"

enum { OLDEST_MINOR = 7 }; /* the oldest Python 3 whose pickles are tried */

static const struct argp_option output_options[] = {
	OPTION("output", 'o', "FILE", "Where the snapshot goes; - is stdout"),
	OPTION("format", 'f', "FORMAT", "The file's format, regardless of its "
	       "suffix; see below"),
	OPTIONS_END,
};

static const struct argp_option baseline_options[] = {
	OPTION("baseline", OPT_BASELINE, "FILE", "Colour an html page by the "
	       "differences from this snapshot"),
	OPTION("pickle-for", OPT_PICKLE_FOR, "VERSION", "Write a pickle for "
	       "this version of Python, such as 3.8, instead of the one that was traced"),
	OPTION("threads", OPT_THREADS, NULL, "In pictures of stacks, show each thread's "
	       "by itself: its name is the oldest frame"),
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

/* --heap may come after --format: the word is looked up at the end. */
static bool is_heap_format(struct cli_options *o)
{
	size_t len = o->output ? strlen(o->output) : 0;
	const char *word = o->format_word ? o->format_word : "";

	if (strcmp(word, "heapsnapshot") == 0 || (!word[0] && len > 13 &&
	    strcmp(o->output + len - 13, ".heapsnapshot") == 0))
		o->heap.format = TM_HEAP_DEVTOOLS;
	else if (strcmp(word, "tmh") == 0 || (!word[0] && o->output &&
		 (strcmp(o->output, "-") == 0 ||
		  (len > 4 && strcmp(o->output + len - 4, ".tmh") == 0))))
		o->heap.format = TM_HEAP_TMH;
	else
		return false;
	return true;
}

static void choose_codec(const struct argp_state *state, struct cli_options *o)
{
	if (o->heap.dump && is_heap_format(o)) {
		if (!o->output)
			cli_usage(state, "--output", "is missing: say with -o FILE where the heap goes");
		return;
	}
	if (o->format_word)
		o->codec = cli_usage_codec(state, o->format_word);
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
		o->format_word = arg;
		break;
	case ARGP_KEY_SUCCESS:
		choose_codec(state, o);
		o->session.functions |= o->codec && o->codec->functions;
		o->session.ages |= o->codec && o->codec->ages;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

/* "3.8", or "3.8.18" */
static unsigned python_minor(const struct argp_state *state, const char *arg)
{
	char end = '\0', rest = '\0';
	unsigned minor = 0, micro;
	int n = sscanf(arg, "3.%2u%c%2u%c", &minor, &end, &micro, &rest);

	if ((n != 1 && (n != 3 || end != '.')) || strpbrk(arg, " +-"))
		cli_usage(state, "--pickle-for", "'%s' is not a version of Python "
			  "3, such as 3.8", arg);
	if (minor < OLDEST_MINOR)
		cli_usage(state, "--pickle-for", "Python 3.%u: pickles are "
			  "written for 3.%d and later", minor, OLDEST_MINOR);
	return minor;
}

static void check_format(const struct argp_state *state,
			 const struct cli_options *o)
{
	if (o->baseline && o->codec != tm_codec_by_name("html"))
		cli_usage(state, "--baseline", "only html pages show differences");
	if (o->pickle_for && o->codec != tm_codec_by_name("pickle"))
		cli_usage(state, "--pickle-for", "the format is %s, not pickle",
			  o->codec->name);
	if (o->under_threads && o->codec == tm_codec_by_name("pprof"))
		cli_usage(state, "--threads", "a pprof profile has them in any case, as the "
			  "label 'thread'");
	if (o->under_threads && !(o->codec && o->codec->stacks))
		cli_usage(state, "--threads", "folded, speedscope and html only");
}

/* After parse_output() in the list of groups: the format is known. */
static error_t parse_baseline(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	switch (key) {
	case OPT_BASELINE:
		o->baseline = arg;
		break;
	case OPT_THREADS:
		o->under_threads = true;
		break;
	case OPT_PICKLE_FOR:
		o->pickle_for = python_minor(state, arg);
		break;
	case ARGP_KEY_SUCCESS:
		check_format(state, o);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_option heap_options[] = {
	OPTION("heap", OPT_HEAP, NULL, "Write the objects and who holds them: .tmh, "
	       ".heapsnapshot (Chrome DevTools), or a profile whose stacks are "
	       "the paths to them"),
	OPTIONS_END,
};

static error_t parse_heap(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	(void)arg;
	if (key == OPT_HEAP) {
		o->heap.dump = true;
		return 0;
	}
	if (key != ARGP_KEY_SUCCESS)
		return ARGP_ERR_UNKNOWN;
	if (o->heap.dump && o->query.nfilters)
		cli_usage(state, "--heap", "the filters are for traces");
	if (o->heap.dump && (o->session.at_peak || o->session.older_ns || o->session.newer_ns))
		cli_usage(state, "--heap", "is of what is alive now: --peak, --older and --newer are "
			  "for traces");
	if (o->heap.dump && o->children)
		cli_usage(state, "--heap", "takes one process at a time, without --children");
	return 0;
}

const struct argp cli_heap_argp = {
	.options = heap_options,
	.parser = parse_heap,
};

const struct argp cli_baseline_argp = {
	.options = baseline_options,
	.parser = parse_baseline,
};

const struct argp cli_output_argp = {
	.options = output_options,
	.parser = parse_output,
};
