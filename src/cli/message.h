/* What the command says on stderr, and what it says by its exit status. */
#ifndef TM_CLI_MESSAGE_H
#define TM_CLI_MESSAGE_H

#include "tmattach/err.h"

enum cli_exit {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_NOT_TRACED = 3,
	CLI_NO_TARGET = 4, /* gone, denied, already traced, unsupported */
	CLI_PARTIAL = 5,
};

/* What the error is about: the same kind means another exit status. */
enum cli_subject {
	CLI_ABOUT_PROCESS,
	CLI_ABOUT_FILE,
};

/*
 * "tmattach: OBJECT: CAUSE", and the next step on a line of its own. Returns
 * the exit status. A broken pipe is not worth a message.
 */
int cli_error(const struct tm_err *err, enum cli_subject subject);
enum cli_exit cli_exit_status(const struct tm_err *err,
			      enum cli_subject subject);

/* A remark that is not a failure: "tmattach: TEXT". */
void cli_note(const char *fmt, ...) TM_PRINTF(1, 2);

#endif
