/* What the files of x86-64 share. */
#ifndef TM_ARCH_X86_64_PRIVATE_H
#define TM_ARCH_X86_64_PRIVATE_H

#include "arch/arch.h"
#include "arch/x86_64/context.h"

/* A processor (or an emulated one) without XSAVE has the registers of FXSAVE
 * only; what is longer is an XSAVE area. */
enum { FXSAVE_LEN = 512 };

/*
 * The call that a thread in restart_syscall() goes on with: its arguments are
 * still in the registers, its number is not. `before`: the bytes in front of
 * the pc. -1 if neither they nor the arguments show it for sure.
 */
enum { X86_BEFORE_LEN = 7 };
long x86_restarted(const struct tm_regs *regs, const unsigned char before[X86_BEFORE_LEN]);

/* Do these bytes begin with a system call instruction? */
bool x86_is_syscall(const unsigned char *code, size_t len);

#endif
