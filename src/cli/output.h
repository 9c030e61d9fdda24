/* stdout: escaped text, and the one check that it all got there. */
#ifndef TM_CLI_OUTPUT_H
#define TM_CLI_OUTPUT_H

#include <stddef.h>

#include "tmattach/err.h"

/* A line of the report; `bytes` may hold anything. */
void cli_print_line(const char *indent, const char *bytes, size_t len);

/*
 * Flush stdout. `status` if all was written, else the message and
 * CLI_FAILED. Every command ends with it: a full disk shows only here.
 */
int cli_output_finish(int status);
/* The same for what a writer of the library reported: `ok` and *err. */
int cli_output_written(bool ok, const struct tm_err *err, int status);

/* --version; the exit status. */
int cli_print_version(void);

#endif
