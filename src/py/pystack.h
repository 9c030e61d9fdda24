/*
 * The Python frames of a thread, read from a stopped process (or a frozen
 * copy). Layouts that contradict the process are refused, never guessed.
 */
#ifndef TM_PY_PYSTACK_H
#define TM_PY_PYSTACK_H

#include "py/runtime.h"

struct py_stack_frame {
	const char *filename; /* UTF-8 with surrogatepass */
	const char *function; /* co_qualname; co_name before 3.11 */
	uint32_t lineno;      /* 0: the instruction has no line */
};

struct py_stack {
	struct py_stack_frame *frames; /* newest first; strings are the reader's */
	size_t n, cap;
};

void py_stack_free(struct py_stack *stack); /* works as a guard */

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
 * Begin a sample, with all threads stopped: list the interpreters' threads.
 * What was known about code objects is forgotten (they may have been freed).
 */
bool py_stack_begin(struct py_stack_reader *reader, struct tm_err *err) TM_MUST_CHECK;

/*
 * The frames of the thread whose thread pointer (pthread_self()) is `self`:
 * none if the interpreter does not know the thread or it runs no Python code.
 * False when memory contradicts the layout; `ret` then holds the frames read
 * up to there.
 */
bool py_stack_read(struct py_stack_reader *reader, uint64_t self,
		   struct py_stack *ret, struct tm_err *err) TM_MUST_CHECK;

#endif
