/* The children of a process: of all of its threads. */
#ifndef TM_TARGET_CHILDREN_H
#define TM_TARGET_CHILDREN_H

#include <stddef.h>
#include <sys/types.h>

struct tm_pids {
	pid_t *items;
	size_t n, cap;
};

/* Add them to *list. What comes or goes meanwhile may be missed. */
void tm_children_add(pid_t pid, struct tm_pids *list);
void tm_pids_free(struct tm_pids *list); /* works as a guard */

#endif
