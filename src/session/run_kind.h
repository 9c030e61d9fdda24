/* What kind of program a command is. Private to src/session. */
#ifndef TM_SESSION_RUN_KIND_H
#define TM_SESSION_RUN_KIND_H

#include <stdbool.h>
#include <sys/types.h>

/* One that mostly ends by becoming another: env, a shell. */
bool run_is_launcher(pid_t pid);

/* Is its executable set-user-ID, without effect? The kernel gives nobody's rights to a
 * program that is traced by somebody who has not got them. */
bool run_lacks_rights(pid_t pid);

/* Does its executable name the functions by which a Python is started? The
 * starters of frozen applications load it themselves. */
bool run_names_python(pid_t pid);

#endif
