/* What unwinding knows about the CPU, one file per CPU. Private to src/native. */
#ifndef TM_NATIVE_UNWIND_ARCH_H
#define TM_NATIVE_UNWIND_ARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/user.h>

/* libunwind's register number -> value; false if it has no such register. */
bool native_unwind_reg(const struct user_regs_struct *regs, int number,
		       uint64_t *ret);

enum { NATIVE_CALL_LEN = 8 };
/* Do these bytes, which stand just before an address, end with a call? */
bool native_is_call(const unsigned char *bytes, size_t len);

#endif
