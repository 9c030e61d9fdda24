/* The parts of `watch` that decide and that keep files. */
#ifndef TM_CLI_WATCH_H
#define TM_CLI_WATCH_H

#include "cli/options.h"

/* What is remembered about a process between rounds. */
struct cli_watched {
	uint64_t base;        /* traced size that growth is counted from */
	bool has_base;
	bool above;           /* it was above the limit in the previous round */
	double paused_seconds;
	uint64_t snapshots;   /* files written */
};

/*
 * Is this the round to write a snapshot? Without conditions every round is.
 * `growth`: the traced size is this much above what it was at the last snapshot
 * (or the first round). `above`: it is above now and was not in the previous round.
 */
bool cli_watch_due(const struct cli_watch_opts *opts,
		   struct cli_watched *watched, uint64_t traced);

/* DIR/PID-20260131T120000.000Z.tms; malloc'ed. */
char *cli_watch_path(const struct cli_watch_opts *opts,
		     const struct tm_codec *codec, const struct tm_meta *meta);
/* Is this such a name, of this process, with this suffix? */
bool cli_watch_is_ours(const char *name, pid_t pid, const char *suffix);
/* Remove all but the newest `keep` of a process' files; 0: keep all. */
void cli_watch_expire(const struct cli_watch_opts *opts,
		      const struct tm_codec *codec, pid_t pid);

#endif
