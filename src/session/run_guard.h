/*
 * If we are killed while the command has a hardware breakpoint of ours, the
 * kernel lets go of the command but not of the breakpoint, and its SIGTRAP
 * would end the command. A small process of our own waits for that and takes
 * the breakpoint out. What it cannot help: a SIGTRAP that was raised before
 * the death and not taken by us yet (run.h). Private to src/session.
 */
#ifndef TM_SESSION_RUN_GUARD_H
#define TM_SESSION_RUN_GUARD_H

#include <stdbool.h>
#include <sys/types.h>

struct run_guard {
	pid_t pid;  /* 0: there is none */
	int out;    /* telling it; closed when we die */
};

/* Fork it; false with errno. All signals have to be blocked. */
bool run_guard_start(struct run_guard *ret);
/* Tell it whom to guard. */
void run_guard_watch(struct run_guard *guard, pid_t command);
/* All is well: end it. */
void run_guard_end(struct run_guard *guard);

#endif
