/* What `dump` and `convert` have in common. */
#ifndef TM_CLI_SAVE_H
#define TM_CLI_SAVE_H

#include "cli/options.h"

/* Read the source, filter it, write it to --output; the exit status. */
int cli_save(const struct cli_options *options);

#endif
