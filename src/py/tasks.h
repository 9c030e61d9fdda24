/*
 * asyncio's tasks that are not done, of any event loop: those of the C module
 * _asyncio, and of classes derived from them.
 */
#ifndef TM_PY_TASKS_H
#define TM_PY_TASKS_H

#include "base/buf.h"
#include "py/coroutines.h"

struct py_addrs {
	tm_addr *items;
	size_t n, cap;
};

struct py_task {
	tm_addr at, coroutine;
	tm_addr waiter;      /* the future that it waits for; 0: none */
	tm_addr name;        /* a str or an int, or 0 */
};

struct py_tasks {
	struct py_addrs found; /* add objects of py_tasks_is() */
	uint16_t coroutine;    /* where in a task it is: learned */
};

void py_tasks_free(struct py_tasks *tasks); /* works as a guard */

bool py_tasks_is(struct py_type_names *names, tm_addr object);

/*
 * Learn from all that were found where in a task its coroutine is: in the one
 * word that is a coroutine in each of them. TM_ERR_UNSUPPORTED if that is none,
 * or several.
 */
bool py_tasks_learn(struct py_tasks *tasks, struct py_type_names *names,
		    struct tm_err *err) TM_MUST_CHECK;

bool py_task_read(const struct py_tasks *tasks, struct py_type_names *names,
		  tm_addr at, struct py_task *ret, struct tm_err *err) TM_MUST_CHECK;

/* task.get_name(); "" if it has none. */
void py_task_name(struct py_type_names *names, tm_addr name, struct tm_buf *to);

#endif
