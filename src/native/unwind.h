/*
 * Native stacks of stopped threads, by libunwind with accessors of our own:
 * memory through tm_mem with the stack in one read, unwind tables through the
 * images in the target's memory, so other mount namespaces and deleted files
 * make no difference. Only images without .eh_frame_hdr (static programs) need
 * their file, which is found as symbols.h does it.
 */
#ifndef TM_NATIVE_UNWIND_H
#define TM_NATIVE_UNWIND_H


#include "arch/arch.h"
#include "native/modules.h"

struct tm_stack_frame {
	tm_addr pc;
	tm_addr sp;
	bool is_return; /* pc is where a call returns to, not where it is */
	/* No unwind table covered the frame below (the next newer one): this
	 * one was found by frame pointers and is after a call instruction. */
	bool guessed;
};

struct tm_stack {
	struct tm_stack_frame *frames; /* newest first */
	size_t n, cap;
	/* The outermost frame says of itself that it is the last. Otherwise
	 * unwinding stopped for want of a table or of readable memory. */
	bool complete;
	bool doubtful; /* a frame was guessed; older ones rest on that */
};

void tm_stack_free(struct tm_stack *stack); /* works as a guard */

struct tm_unwinder;

/* `modules` is borrowed. NULL only when libunwind cannot be set up. */
struct tm_unwinder *tm_unwinder_create(struct native_modules *modules,
				       struct tm_err *err) TM_MUST_CHECK;
void tm_unwinder_destroy(struct tm_unwinder *unwinder); /* NULL is fine */

/*
 * Begin a sample: what was read from memory before is forgotten. Call it when
 * the target has run since, after native_modules_update(); `changed` is what
 * that returned.
 */
void tm_unwinder_begin(struct tm_unwinder *unwinder, bool changed);

/*
 * The stack of a thread with these registers, read from `mem` (the stopped
 * process, a frozen copy, a core), at most `max` frames (0: a high bound of
 * ours). Reuses the memory of `ret`. Always gives at least the first frame.
 */
void tm_unwind(struct tm_unwinder *unwinder, struct tm_mem *mem,
	       const struct tm_regs *regs, size_t max,
	       struct tm_stack *ret);

#endif
