/* The process of a command that takes no snapshot. */
#ifndef TM_CLI_PROCESS_H
#define TM_CLI_PROCESS_H

#include "cli/source.h"

/* The exit status CLI_USAGE and its message where the SOURCE is a file. */
int cli_process_refuse_file(const struct cli_source_spec *spec,
			    const struct cli_options *options);

/* cli_source_open() of options->sources[0], which must be a process. */
int cli_process_open(struct cli_source *ret, const struct cli_options *options);
/* The same, also for a process that is not a CPython: its recorder. */
int cli_process_open_any(struct cli_source *ret,
			 const struct cli_options *options);
/* The same, also for a core file. */
int cli_process_or_core(struct cli_source *ret, const struct cli_options *options);

#endif
