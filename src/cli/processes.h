/* The processes of this machine, as /proc shows them to us. */
#ifndef TM_CLI_PROCESSES_H
#define TM_CLI_PROCESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct cli_process {
	pid_t pid;
	pid_t parent;
	char comm[64];
	char *cmdline;  /* the start of it; words end with NUL */
	size_t len;     /* of cmdline; 0: a kernel thread or a zombie */
	char *exe;      /* its program's path; NULL: it may not be seen */
};

struct cli_processes {
	struct cli_process *items; /* by pid */
	size_t n;
	size_t cap;
};

void cli_processes_read(struct cli_processes *ret);
void cli_processes_free(struct cli_processes *list); /* a guard */

/* NULL: it is not there. */
const struct cli_process *cli_processes_find(const struct cli_processes *list,
					     pid_t pid);

/* `pid` has `ancestor` above it, however far. */
bool cli_process_descends(const struct cli_processes *list, pid_t pid,
			  pid_t ancestor);

/* The words with blanks between them; borrowed, changed in place. */
const char *cli_process_command(struct cli_process *process);

#endif
