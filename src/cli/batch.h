/* `top -b`: rounds of text. */
#ifndef TM_CLI_BATCH_H
#define TM_CLI_BATCH_H

#include "cli/options.h"

/* The exit status. If tracing stops, or another program is executed, it continues:
 * the rounds in between say so. */
int cli_top_batch(const struct cli_options *options);

#endif
