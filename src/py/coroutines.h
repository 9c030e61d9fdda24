/*
 * Coroutines and generators that wait: from one to what it awaits, frame by
 * frame, as cr_await, gi_yieldfrom and ag_await have it. Only in memory that
 * does not change.
 */
#ifndef TM_PY_COROUTINES_H
#define TM_PY_COROUTINES_H

#include "py/frames.h"
#include "py/type_names.h"

enum py_chain_state {
	PY_CHAIN_FINISHED,   /* or it is not a coroutine with a frame */
	PY_CHAIN_CREATED,    /* it has not begun */
	PY_CHAIN_WAITS,
	PY_CHAIN_RUNS,       /* its frames belong to a thread */
	PY_CHAIN_FOREIGN,    /* compiled code that has no frames */
};

/* By gi_frame_state (3.11 on), or the f_state of 3.10. */
enum py_chain_state py_gen_state(const struct py_waiting_layout *layout, int8_t state);

/* Objects of these types may be a task's: coroutines of Python, of Cython. */
bool py_is_coroutine(struct py_type_names *names, tm_addr object);

/*
 * The frames from `object` on, the outermost first. False where memory
 * contradicts the layout; `ret` holds what was read up to there.
 */
bool py_chain_read(struct py_frames *frames, struct py_type_names *names,
		   tm_addr object, struct py_stack *ret,
		   enum py_chain_state *ret_state, struct tm_err *err) TM_MUST_CHECK;

#endif
