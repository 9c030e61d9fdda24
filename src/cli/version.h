/* What this tmattach is. */
#ifndef TM_CLI_VERSION_H
#define TM_CLI_VERSION_H

/* --version; the exit status. */
int cli_print_version(void);

#endif
