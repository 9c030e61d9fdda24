/*
 * What people call a process: its command, its program, the script, module or
 * archive that a Python in it runs, or the title that it has given itself
 * (setproctitle: "gunicorn: master [web:app]").
 */
#ifndef TM_CLI_NAMES_H
#define TM_CLI_NAMES_H

#include "cli/processes.h"

enum cli_called {
	CLI_NOT_CALLED,
	CLI_CALLED_LIKE, /* almost: without a suffix, the last part of a module,
			    a daemon's "d" */
	CLI_CALLED,
};

/* NAME may go on with words of its command line, in their order, that distinguish
 * it: "celery worker", "gunicorn master". */
enum cli_called cli_process_called(const struct cli_process *process, const char *name);

/* Of a path: what follows the last slash. */
const char *cli_base_name(const char *path);
/* Is this what an interpreter's file is called: python3.11, pypy3? */
bool cli_is_interpreter(const char *base);

#endif
