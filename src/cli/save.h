/* What `dump` and `convert` have in common. */
#ifndef TM_CLI_SAVE_H
#define TM_CLI_SAVE_H

#include <sys/types.h>

#include "cli/options.h"

/* "end.%p.tms" with the process id instead of %p, and % for %%; malloc'ed. */
char *cli_path_of(const char *pattern, pid_t pid);
/* Is there a %p in it: a file for each process? */
bool cli_path_is_each(const char *pattern);

/* Read the source, filter it, write it to --output; the exit status. */
int cli_save(const struct cli_options *options);

#endif
