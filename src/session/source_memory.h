/*
 * Source text that a Python process has in its memory and nowhere else: what its
 * linecache holds (cells of a notebook, lines typed at a prompt, generated code
 * whose author registered it there), the text of `python -c`, and its sys.path.
 *
 * The process runs on meanwhile. What was read counts only if the cache still
 * held the same list of lines afterwards: lines do not change, and live as long
 * as their list does.
 */
#ifndef TM_SESSION_SOURCE_MEMORY_H
#define TM_SESSION_SOURCE_MEMORY_H

#include <sys/types.h>

#include "py/interpreters.h"
#include "session/source_text.h"

struct tm_source_memory {
	pid_t pid;              /* 0: no process */
	struct tm_mem *mem;     /* NULL: not opened yet, or none */
	bool borrowed, sought, found;
	struct py_runtime runtime;
	struct py_stack_fields fields;
};

/* Nothing is opened before something is asked for. */
void tm_source_memory_init(struct tm_source_memory *memory, pid_t pid);
/* Of a core: its memory, borrowed. */
void tm_source_memory_borrow(struct tm_source_memory *memory, struct tm_mem *mem,
			     const struct py_runtime *runtime);
void tm_source_memory_deinit(struct tm_source_memory *memory);

/*
 * The lines that linecache has of `name`, into an empty `ret`. With `until`
 * (seconds since the epoch) only if they are of a file that was not written
 * after that. False if there are none.
 */
bool tm_source_memory_lines(struct tm_source_memory *memory, const char *name,
			    size_t len, const double *until,
			    struct tm_source_text *ret);

/* The text of `python -c`, into an empty `ret`. */
bool tm_source_memory_command(struct tm_source_memory *memory, struct tm_buf *ret);

/* Entry `i` of sys.path, into an empty `ret`; false after the last. */
bool tm_source_memory_path(struct tm_source_memory *memory, size_t i,
			   struct tm_buf *ret);

#endif
