/* Greenlets that wait (greenlet 1 to 3, gevent's and others' derived from it). */
#ifndef TM_PY_GREENLETS_H
#define TM_PY_GREENLETS_H

#include "py/tasks.h"

struct py_greenlets {
	struct py_addrs found; /* add objects of py_greenlets_is() */
	uint16_t frame;        /* which word of its state is the newest frame: learned; 0: none */
	bool inside;           /* of a C++ object, not of the greenlet itself */
};

void py_greenlets_free(struct py_greenlets *greenlets); /* works as a guard */

bool py_greenlets_is(struct py_type_names *names, tm_addr object);

/* Learn where a greenlet keeps its newest frame. TM_ERR_UNSUPPORTED if that
 * is not known. */
bool py_greenlets_learn(struct py_greenlets *greenlets, struct py_type_names *names,
			struct tm_err *err) TM_MUST_CHECK;

/*
 * The frames of one, newest first; *waits is false if it has none: it runs, has
 * ended, or has not begun.
 */
bool py_greenlet_read(const struct py_greenlets *greenlets, struct py_frames *frames,
		      tm_addr at, bool *waits, struct py_stack *ret,
		      struct tm_err *err) TM_MUST_CHECK;

#endif
