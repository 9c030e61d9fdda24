/*
 * The Python frames of a thread, read from a stopped process (or a frozen
 * copy). Layouts that contradict the process are refused, never guessed.
 */
#ifndef TM_PY_PYSTACK_H
#define TM_PY_PYSTACK_H

#include "py/frames.h"
#include "py/running.h"

struct py_stack_reader;

/*
 * Learn the layout of frames. NULL with TM_ERR_UNSUPPORTED where it is not
 * known for this build. `mem` and `runtime` must outlive the reader.
 */
struct py_stack_reader *py_stack_reader_create(struct tm_mem *mem,
					       const struct py_runtime *runtime,
					       struct tm_err *err) TM_MUST_CHECK;
void py_stack_reader_destroy(struct py_stack_reader *reader); /* NULL is fine */

/*
 * Begin a sample, with all threads stopped: list the interpreters' states and
 * find out which of `threads` (borrowed until then) runs them. What was known
 * about code objects is forgotten (they may have been freed).
 */
bool py_stack_begin(struct py_stack_reader *reader,
		    const struct py_thread *threads, size_t nthreads,
		    struct tm_err *err) TM_MUST_CHECK;

/*
 * The frames of threads[thread]: none if the interpreter does not know the
 * thread or it runs no Python code. False when memory contradicts the layout;
 * `ret` then holds the frames read up to there.
 */
bool py_stack_read(struct py_stack_reader *reader, size_t thread,
		   struct py_stack *ret, struct tm_err *err) TM_MUST_CHECK;

/*
 * With several interpreters, states with frames that none of the threads is
 * proved to run: *any is false where there is no such state number `i`.
 */
bool py_stack_read_stray(struct py_stack_reader *reader, size_t i, bool *any,
			 struct py_stack *ret, struct tm_err *err) TM_MUST_CHECK;

/* The states of that sample: the reader's. */
const struct py_tstate *py_stack_states(const struct py_stack_reader *reader, size_t *ret_n);

#endif
