/*
 * Frames, read from a stopped process (or a frozen copy): where they are, and
 * which lines of which functions they are at.
 */
#ifndef TM_PY_FRAMES_H
#define TM_PY_FRAMES_H

#include "base/arena.h"
#include "base/map.h"
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

/* A code object. Strings and bytes are the reader's. */
struct py_code {
	const char *filename, *function; /* as of frames */
	uint32_t firstlineno;
	int64_t traceable;    /* bytes of code that no frame shows to be in */
	tm_addr instrs;       /* 0 before 3.11 */
	const uint8_t *lines;
	size_t lines_len;
};

struct py_frames {
	struct tm_mem *mem;
	const struct py_runtime *runtime;
	const struct py_stack_layout *layout;
	struct py_stack_fields fields; /* offsets, whatever the kind */
	/* Code objects that were seen. */
	struct tm_map code_of;         /* address -> index into codes */
	struct py_code *codes;
	size_t ncodes, cap_codes;
	struct tm_arena strings;
};

/* Where PyCodeObject has _co_firsttraceable; PY_ABSENT before 3.11. */
uint16_t py_frames_traceable(const struct py_frames *frames);

/* Learn the layout of frames. TM_ERR_UNSUPPORTED where it is not known for this
 * build. `mem` and `runtime` must stay. */
bool py_frames_begin(struct py_frames *ret, struct tm_mem *mem,
		     const struct py_runtime *runtime, struct tm_err *err) TM_MUST_CHECK;

/* NULL: it is none, or cannot be read. Good until the next call. */
const struct py_code *py_frames_code(struct py_frames *frames, tm_addr at,
				     struct tm_err *err);

/* Forget code objects: they may have been freed. */
void py_frames_forget(struct py_frames *frames);
void py_frames_free(struct py_frames *frames);

/* The newest frame of a PyThreadState; 0: none. */
bool py_frames_newest(struct py_frames *frames, tm_addr state, tm_addr *ret,
		      struct tm_err *err) TM_MUST_CHECK;

/* From `frame` to the oldest. `ret` holds what was read when memory contradicts
 * the layout. */
bool py_frames_read(struct py_frames *frames, tm_addr frame,
		    struct py_stack *ret, struct tm_err *err) TM_MUST_CHECK;

/* That frame alone, for one whose `previous` means nothing. */
bool py_frames_read_one(struct py_frames *frames, tm_addr frame,
			struct py_stack *ret, struct tm_err *err) TM_MUST_CHECK;

struct py_frame_list {
	tm_addr *items;
	size_t n, cap;
};

/* Their addresses. */
bool py_frames_list(struct py_frames *frames, tm_addr frame,
		    struct py_frame_list *ret, struct tm_err *err) TM_MUST_CHECK;

/* The first of them that belongs to the interpreter's C code; 0: none. */
bool py_frames_foreign(struct py_frames *frames, tm_addr frame, tm_addr *ret,
		       struct tm_err *err) TM_MUST_CHECK;

#endif
