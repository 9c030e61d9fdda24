/* Two sources or more of a command line that are compared, all of them read. */
#ifndef TM_CLI_SERIES_H
#define TM_CLI_SERIES_H

#include "cli/many.h"

struct cli_series {
	struct cli_source **sources; /* oldest first */
	struct cli_many *families;   /* what holds the sources of --children */
	size_t n;
};

/* An exit status; everything is told. More than two are put into the order in which
 * they were taken, where that is known. */
int cli_series_read(struct cli_series *ret, const struct cli_options *options);
void cli_series_close(struct cli_series *self); /* a guard; zeroed is fine */
/* What the command returns: done, or partial if one of them is. */
int cli_series_status(const struct cli_series *self);

#endif
