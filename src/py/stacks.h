/* The C stacks of threads, which hold objects. */
#ifndef TM_PY_STACKS_H
#define TM_PY_STACKS_H

#include <sys/types.h>

#include "mem/mem.h"

/* Of one thread, as it stands. */
struct py_c_stack {
	pid_t tid;
	tm_addr start, end;      /* what is in use of it, the newest word first */
	bool alone;              /* below `start`, its mapping has nothing else */
	const uint64_t *regs;    /* what its registers hold; borrowed */
	size_t nregs;
};

#endif
