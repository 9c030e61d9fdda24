#include "cli/groups.h"

#include "base/quantity.h"
#include "cli/number.h"
#include "cli/units.h"

static const struct argp_option watch_options[] = {
	OPTION("every", OPT_EVERY, "TIME", "Time between rounds: 90s, 5m, 2h "
	       "(default 60s)"),
	OPTION("growth", OPT_GROWTH, "N%", "Take a snapshot when the traced "
	       "memory has grown by this much since the last one"),
	OPTION("above", OPT_ABOVE, "SIZE", "Take a snapshot when the traced memory "
	       "exceeds this: 500M, 2G"),
	OPTION("dump-dir", OPT_DUMP_DIR, "DIR", "Directory for snapshots; "
	       "without --growth or --above, one each round"),
	OPTION("format", 'f', "FORMAT", "Format of the snapshots (default tms)"),
	OPTION("keep", OPT_KEEP, "N", "Keep the newest N snapshots of each process"),
	OPTION("metrics", OPT_METRICS, "ADDR:PORT", "Serve OpenMetrics at "
	       "http://ADDR:PORT/metrics; :PORT is 127.0.0.1"),
	OPTION("top", OPT_TOP, "N", "The largest N lines of each process in the "
	       "metrics (default 10); 0: none, and no process is stopped for them"),
	OPTION("iterations", 'n', "ROUNDS", "End after this many rounds"),
	OPTIONS_END,
};

static void wrong(const struct argp_state *state, const char *option,
		  const char *word, const char *wanted)
{
	cli_usage(state, option, "'%s' is not %s", word, wanted);
}

static void check(const struct argp_state *state, struct cli_options *o)
{
	struct cli_watch_opts *watch = &o->watch;

	if (!watch->dump_dir && !watch->host)
		cli_usage(state, "watch", "nothing to do: name a --dump-dir, or an "
			  "address for --metrics");
	if (!watch->dump_dir && (watch->growth || watch->above || watch->keep))
		cli_usage(state, "--dump-dir", "is missing: --growth, --above and "
			  "--keep are about snapshots");
	if (!o->codec)
		o->codec = tm_codec_by_name("tms");
}

static error_t parse_amount(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;
	struct cli_watch_opts *watch = &o->watch;

	switch (key) {
	case OPT_EVERY:
		if (!tm_duration(arg, &watch->every))
			wrong(state, "--every", arg, "must be a time like 60s, "
			      "5m or 2h, from 0.1 s to a year");
		break;
	case OPT_GROWTH:
		if (!cli_percent(arg, &watch->growth))
			wrong(state, "--growth", arg, "a percentage above 0");
		break;
	case OPT_ABOVE:
		if (!cli_bytes(arg, &watch->above) || watch->above == 0)
			wrong(state, "--above", arg, "must be a size like 500M or 2G");
		break;
	case OPT_METRICS:
		if (watch->host || !cli_host_port(arg, &watch->host, &watch->port))
			wrong(state, "--metrics", arg, "must be one address "
			      "like 127.0.0.1:9464 or [::1]:9464");
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static error_t parse_watch(int key, char *arg, struct argp_state *state)
{
	struct cli_options *o = state->input;
	struct cli_watch_opts *watch = &o->watch;

	switch (key) {
	case OPT_DUMP_DIR:
		watch->dump_dir = arg;
		break;
	case OPT_KEEP:
		watch->keep = cli_usage_number(state, "--keep", arg, UINT32_MAX);
		break;
	case OPT_TOP:
		watch->top = cli_usage_number(state, "--top", arg, 1000);
		break;
	case 'f':
		o->codec = cli_usage_codec(state, arg);
		break;
	case 'n':
		o->rounds = (unsigned)cli_usage_number(state, "--iterations", arg,
						       UINT32_MAX);
		break;
	case ARGP_KEY_SUCCESS:
		check(state, o);
		break;
	default:
		return parse_amount(key, arg, state);
	}
	return 0;
}

const struct argp cli_watch_argp = {
	.options = watch_options,
	.parser = parse_watch,
};
