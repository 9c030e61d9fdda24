/* A process that runs no Python, but has started one: a shell, sudo, an init of a
 * container, the starter of a frozen application. */
#ifndef TM_CLI_BELOW_H
#define TM_CLI_BELOW_H

#include "cli/options.h"

/*
 * The one Python below `pid`, which itself is none, as *why says; that it is taken
 * is said. CLI_DONE with *ret_pid; or an exit status, and the message is out: there
 * are several, which are listed, or none, and *why is the message.
 */
int cli_take_below(pid_t pid, const struct tm_err *why, const struct cli_options *options,
		   pid_t *ret_pid);

/* Does it wait for a program that it has started, doing nothing itself? That is
 * what is meant where it is to be traced. */
bool cli_is_wrapper(pid_t pid);

#endif
