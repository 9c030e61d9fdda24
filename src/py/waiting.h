/*
 * What waits in a process without a thread: asyncio's tasks and greenlets, with
 * their Python stacks. Only in memory that does not change.
 */
#ifndef TM_PY_WAITING_H
#define TM_PY_WAITING_H

#include "py/greenlets.h"

enum py_waiter_kind { PY_WAITER_TASK, PY_WAITER_GREENLET };

struct py_waiter {
	enum py_waiter_kind kind;
	tm_addr at;
	const char *type;           /* "_asyncio.Task", or of a derived class */
	const char *state;          /* "waiting", "ready", "not started", "running" */
	const char *name;           /* of a task, else "" */
	const char *waits_for;      /* "task 'x'", "_asyncio.Future"; "": not known */
	const struct py_stack *stack; /* newest first */
	bool complete;              /* all of the stack could be read */
};

/* Called for each, tasks first; what it is handed is good until it returns. */
typedef void py_waiter_fn(void *ctx, const struct py_waiter *waiter);

/* May there be any: is one of the modules that make them mapped, or built into
 * the interpreter and imported? In memory that may run on. */
bool py_waiting_may_be(struct tm_mem *mem, const struct py_runtime *runtime,
		       const struct tm_maps *maps);

/* Is this an instant at which they can be found: no garbage collection? */
bool py_waiting_at_rest(struct tm_mem *mem, const struct py_runtime *runtime,
			bool *ret, struct tm_err *err) TM_MUST_CHECK;

/*
 * False with TM_ERR_BUSY (look again: the collector was at work), or
 * TM_ERR_UNSUPPORTED with what is not known.
 */
bool py_waiting_each(struct tm_mem *mem, const struct py_runtime *runtime,
		     py_waiter_fn *fn, void *ctx, struct tm_err *err) TM_MUST_CHECK;

#endif
