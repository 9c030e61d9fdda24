/* `dump --heap`. */
#ifndef TM_CLI_SAVE_HEAP_H
#define TM_CLI_SAVE_HEAP_H

#include "cli/options.h"

/* Read the heap of the source, write it to --output; the exit status. */
int cli_save_heap(const struct cli_options *options);

#endif
