/*
 * May a thread be borrowed for a call into the C library? Not while it is
 * inside the allocator, the dynamic loader, fork or a lock's slow path: it
 * may hold a lock there, and the call would wait for it for ever.
 *
 * Addresses are compared, not names: the functions of those families and all
 * their exported aliases are looked up once per library.
 */
#ifndef TM_NATIVE_CLEAR_H
#define TM_NATIVE_CLEAR_H

#include "native/symbols.h"
#include "native/unwind.h"

struct tm_clear;

/* Both are borrowed and must outlive it. */
struct tm_clear *tm_clear_create(struct native_modules *modules,
				 struct tm_symbolizer *symbolizer);
void tm_clear_destroy(struct tm_clear *clear); /* NULL is fine */

/*
 * Is no frame of the stack in such a place? `syscall_nr` is the system call
 * that the thread is in (tm_regs_syscall_nr(), -1: none).
 *
 * Doubt counts as no: a stack that does not unwind to the thread's start, code
 * without an image, and C library code without a symbol, unless it is the
 * start of the thread or waits in a system call that no lock waits with. *ret_why
 * is then the reason (static text).
 */
bool tm_stack_is_clear(struct tm_clear *clear, const struct tm_stack *stack,
		       long syscall_nr, const char **ret_why);

#endif
