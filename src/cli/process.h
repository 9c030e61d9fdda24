/* The process of a command that takes no file. */
#ifndef TM_CLI_PROCESS_H
#define TM_CLI_PROCESS_H

#include "cli/source.h"

/* cli_source_open() of options->sources[0]; a file is a usage error. */
int cli_process_open(struct cli_source *ret, const struct cli_options *options);

#endif
