/* stdout: the one check that it all got there. */
#ifndef TM_CLI_OUTPUT_H
#define TM_CLI_OUTPUT_H

#include "tmattach/err.h"

/*
 * Flush stdout. `status` if all was written, else the message and
 * CLI_FAILED. Every command ends with it: a full disk shows only here.
 */
int cli_output_finish(int status);
/* The same for what a report or a codec returned: `ok` and *err. */
int cli_output_written(bool ok, const struct tm_err *err, int status);

/*
 * A reader that leaves (SIGPIPE) and a limit of file sizes (SIGXFSZ) are errors
 * of a write, and must not end us while a target is attached or a snapshot is
 * half written. What runs after exec gets back what there was before.
 */
void cli_ignore_write_signals(void);
void cli_restore_write_signals(void);

#endif
