#include "cli/groups.h"

#include <string.h>

#include "cli/number.h"
#include "cli/units.h"
#include "tmattach/process.h"

static const struct argp_option nframe_options[] = {
	OPTION("nframe", OPT_NFRAME, "N", "Keep N frames of each traceback, 1 "
	       "(the default) to 65535; with one frame there are no "
	       "tracebacks to group by"),
	OPTIONS_END,
};

static const struct argp_option timeout_options[] = {
	OPTION("timeout", OPT_TIMEOUT, "SECS", "Seconds to wait for the "
	       "interpreter to become free (default 5)"),
	OPTIONS_END,
};

static const struct argp_option sample_options[] = {
	OPTION("sample", OPT_SAMPLE, "BYTES", "Of the recorder: take blocks at "
	       "random, one in BYTES bytes on average (K, M, G may follow); "
	       "sizes and counts are estimates then"),
	OPTION("in-core", OPT_IN_CORE, NULL, "Of the recorder: have its table "
	       "written to core dumps, too; they grow by about 400 MiB, and the "
	       "table has room for six million blocks"),
	OPTION("maps", OPT_MAPS, NULL, "Of the recorder: also what mmap(), mremap(), brk() and "
	       "sbrk() give, in whole pages; not with --sample"),
	OPTION("alloc", OPT_ALLOC, "NAME", "Of the recorder: the function NAME "
	       "allocates, too. Its first argument is the size; of NAME:2 the second"),
	OPTION("free", OPT_FREE, "NAME", "Of the recorder: NAME frees the block that is "
	       "its first argument"),
	OPTIONS_END,
};

static const struct argp_option exact_options[] = {
	OPTION("exact", OPT_EXACT, NULL, "The recorder in place of tracemalloc, in "
	       "CPython's own allocators, as --sample puts it there: every block"),
	OPTION("native", OPT_NATIVE, NULL, "With --sample or --exact, in CPython: "
	       "the C functions, too, between those of Python, and the blocks that C code "
	       "takes from malloc()"),
	OPTIONS_END,
};

static const struct argp_option recorder_options[] = {
	OPTION("recorder", OPT_RECORDER, NULL,
	       "Use the native recorder, in a CPython process too"),
	OPTIONS_END,
};

static error_t parse_nframe(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;
	uint64_t n;

	if (key != OPT_NFRAME)
		return ARGP_ERR_UNKNOWN;
	if (!cli_number(arg, TM_NFRAME_MAX, &n) || n == 0)
		cli_usage(state, "--nframe", "'%s' is not a number of frames "
			  "from 1 to %d", arg, TM_NFRAME_MAX);
	o->nframe = (uint32_t)n;
	return 0;
}

static error_t parse_timeout(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;
	double seconds;

	if (key != OPT_TIMEOUT)
		return ARGP_ERR_UNKNOWN;
	if (!cli_seconds(arg, &seconds))
		cli_usage(state, "--timeout", "'%s' is not a number of seconds "
			  "above 0, at most 86400", arg);
	o->timeout_ms = seconds < 0.001 ? 1 : (unsigned)(seconds * 1000.0);
	return 0;
}

static void add_function(struct argp_state *state, const char *option, const char *name,
			 const char **names, size_t *n)
{
	if (*n == CLI_MAX_FUNCTIONS)
		cli_usage(state, option, "is given more than %d times", CLI_MAX_FUNCTIONS);
	names[(*n)++] = name;
}

static void add_alloc(struct argp_state *state, const char *name)
{
	struct cli_options *o = state->input;
	const char *number = strchr(name, ':');

	if (name == number || !name[0] || (number && strcmp(number, ":1") != 0 &&
					   strcmp(number, ":2") != 0))
		cli_usage(state, "--alloc", "'%s' is not NAME, NAME:1 or NAME:2", name);
	add_function(state, "--alloc", name, o->allocs, &o->session.nallocs);
	o->session.allocs = o->allocs;
}

static void add_free(struct argp_state *state, const char *name)
{
	struct cli_options *o = state->input;

	if (!name[0] || strchr(name, ':'))
		cli_usage(state, "--free", "'%s' is not NAME; what it frees is its first "
			  "argument", name);
	add_function(state, "--free", name, o->frees, &o->session.nfrees);
	o->session.frees = o->frees;
}

static error_t parse_sample(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	if (key == OPT_IN_CORE) {
		o->session.in_core_dumps = true;
		return 0;
	}
	if (key == OPT_MAPS) {
		o->session.maps = true;
		return 0;
	}
	if (key == OPT_ALLOC) {
		add_alloc(state, arg);
		return 0;
	}
	if (key == OPT_FREE) {
		add_free(state, arg);
		return 0;
	}
	if (key == ARGP_KEY_SUCCESS && o->session.maps && o->session.sample_bytes)
		cli_usage(state, "--maps, --sample", "only one of them: where blocks are sampled, "
			  "an allocator's own mappings are not told from the program's");
	if (key != OPT_SAMPLE)
		return ARGP_ERR_UNKNOWN;
	if (!cli_bytes(arg, &o->session.sample_bytes) ||
	    o->session.sample_bytes == 0)
		cli_usage(state, "--sample", "'%s' is not a number of bytes", arg);
	return 0;
}

static void check_exact(struct argp_state *state, const struct tm_session_opts *opts)
{
	const char *python = opts->exact ? "--exact" : opts->c_frames ? "--native" : NULL;

	if (opts->exact && opts->sample_bytes)
		cli_usage(state, "--exact, --sample", "only one of them");
	if (opts->c_frames && !opts->exact && !opts->sample_bytes)
		cli_usage(state, "--native", "goes with --sample or --exact");
	if (opts->use_recorder && python)
		cli_usage(state, python, "is for the recorder in Python's allocators: --recorder "
			  "puts it into malloc");
}

static error_t parse_exact(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	(void)arg;
	switch (key) {
	case OPT_EXACT:
		o->session.exact = true;
		break;
	case OPT_NATIVE:
		o->session.c_frames = true;
		break;
	case ARGP_KEY_SUCCESS:
		check_exact(state, &o->session);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_recorder(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;

	(void)arg;
	if (key != OPT_RECORDER)
		return ARGP_ERR_UNKNOWN;
	o->session.use_recorder = true;
	return 0;
}

const struct argp cli_recorder_argp = {
	.options = recorder_options,
	.parser = parse_recorder,
};

const struct argp cli_sample_argp = {
	.options = sample_options,
	.parser = parse_sample,
};

const struct argp cli_exact_argp = {
	.options = exact_options,
	.parser = parse_exact,
};

const struct argp cli_nframe_argp = {
	.options = nframe_options,
	.parser = parse_nframe,
};

const struct argp cli_timeout_argp = {
	.options = timeout_options,
	.parser = parse_timeout,
};
