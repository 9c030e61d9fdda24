/* Where the C stacks of a subject's threads are. Private to src/session. */
#ifndef TM_SESSION_C_STACKS_H
#define TM_SESSION_C_STACKS_H

#include "mem/core_file.h"
#include "py/stacks.h"
#include "session/look.h"

/* A zeroed struct is empty. */
struct tm_c_stacks {
	struct tm_regs *regs;
	pid_t *tids;
	size_t n, cap_regs, cap_tids;
	struct py_c_stack *stacks; /* of tm_c_stacks_find(), ascending */
	size_t nstacks;
};

void tm_c_stacks_free(struct tm_c_stacks *stacks); /* works as a guard */

/* Where its threads stand, while they are stopped; or stood, of a core. */
void tm_c_stacks_take(struct tm_c_stacks *ret, const struct tm_stop *stop);
void tm_c_stacks_of_core(struct tm_c_stacks *ret, const struct tm_core_file *core);

/* Which of the mappings are their stacks: the process's own, and those with the
 * thread's control block at their end, as all C libraries lay them out. */
void tm_c_stacks_find(struct tm_c_stacks *stacks, const struct tm_maps *maps);

#endif
