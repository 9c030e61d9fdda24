/* What start, stop and clear have in common: one process, or with --children all of
 * a family. */
#ifndef TM_CLI_CONTROL_H
#define TM_CLI_CONTROL_H

#include "cli/source.h"

/* Acts on one process and reports the result; an exit status. */
typedef int cli_control_fn(struct cli_source *source, const struct cli_options *options);

/*
 * `act` on the SOURCE, which must be a process; with `native_too` also on one that is
 * not a CPython. With --children on all processes below it that run Python, or on all if
 * none does, including those that start meanwhile, and with --follow those that start
 * later; the exit status is the worst of theirs.
 */
int cli_control(const struct cli_options *options, bool native_too, cli_control_fn *act);

#endif
