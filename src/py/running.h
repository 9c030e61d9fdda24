/*
 * Which thread runs a PyThreadState. Its thread_id does not show it if there
 * are several interpreters: until 3.12 the first state of an interpreter keeps
 * the id of the thread that created it, whoever runs it.
 *
 * The evaluation loop leaves something on the C stack of its thread: from 3.10
 * to 3.12 what the state's cframe points to, from 3.12 on a frame of its own
 * among Python's, before that only pointers to the frames that it runs.
 */
#ifndef TM_PY_RUNNING_H
#define TM_PY_RUNNING_H

#include "py/frames.h"

/* A thread of the stopped process. */
struct py_thread {
	uint64_t self;           /* the thread pointer: pthread_self() */
	tm_addr stack, stack_end; /* from where it is on its stack to the first frame */
	const uint64_t *regs;    /* what its registers hold; borrowed */
	size_t nregs;
};

#define PY_NO_THREAD SIZE_MAX

struct py_tstate {
	tm_addr at;              /* PyThreadState */
	uint64_t id;             /* its thread_id */
	tm_addr frame;           /* the newest; 0: none */
	tm_addr place;           /* on the stack of its thread; 0: not known */
	size_t thread;           /* that runs it: PY_NO_THREAD if that is not known */
};

/*
 * Find frame, place and thread of every state. `several`: there are several
 * interpreters, so that the id proves nothing before 3.13.
 */
void py_running_find(struct py_frames *frames, bool several,
		     struct py_tstate *states, size_t nstates,
		     const struct py_thread *threads, size_t nthreads);

#endif
