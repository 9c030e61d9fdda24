/* What unwinding knows about the CPU, one file per CPU. Private to src/native. */
#ifndef TM_NATIVE_UNWIND_ARCH_H
#define TM_NATIVE_UNWIND_ARCH_H

#include <libunwind.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

/* libunwind's register number -> value; false if it has no such register. */
bool native_unwind_reg(const struct user_regs_struct *regs, int number,
		       uint64_t *ret);

/* All registers of the frame that the cursor is at. */
void native_cursor_regs(unw_cursor_t *cursor, struct user_regs_struct *ret);

/*
 * The caller's registers where the frame pointer is one: `frame` are the two
 * words that it points to.
 */
uint64_t native_frame_pointer(const struct user_regs_struct *regs);
void native_frame_pointer_step(struct user_regs_struct *regs,
			       const uint64_t frame[2]);

enum { NATIVE_CALL_LEN = 8 };
/* Do these bytes, which stand just before an address, end with a call? */
bool native_is_call(const unsigned char *bytes, size_t len);

/* The code that a signal handler returns to, where it calls rt_sigreturn. */
enum {
	NATIVE_SIGRETURN_LEN = 9,
	NATIVE_SIGRETURN_CALL = 7, /* its second instruction is the system call */
	NATIVE_UCONTEXT_LEN = 176,
};
bool native_is_sigreturn(const unsigned char code[NATIVE_SIGRETURN_LEN]);
/* The registers before the signal, from the ucontext_t on top of the stack
 * there. */
void native_ucontext_regs(const unsigned char bytes[NATIVE_UCONTEXT_LEN],
			  struct user_regs_struct *ret);

#endif
