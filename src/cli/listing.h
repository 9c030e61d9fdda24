/* Processes to choose from, on stderr: what distinguishes them. */
#ifndef TM_CLI_LISTING_H
#define TM_CLI_LISTING_H

#include "cli/processes.h"
#include "tmattach/process.h"

/* A line each: pid, parent, tracing or not, command. */
void cli_list_processes(const struct cli_processes *all, const pid_t *pids, size_t n);

/* What tmattach can say of a process without stopping it; false: nothing. */
bool cli_process_status(pid_t pid, struct tm_status *ret);
bool cli_is_python(pid_t pid);

/* Those below `pid` that run a Python that can be read, by pid; malloc'ed. */
pid_t *cli_pythons_below(const struct cli_processes *all, pid_t pid, size_t *ret_n);

#endif
