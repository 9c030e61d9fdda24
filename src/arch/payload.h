/*
 * For code that is compiled here and runs in a target, copied there
 * (control/payload.c, session/run_payload.c): what of it differs between CPUs.
 * Such code calls nothing of ours, so all of this is put in place.
 *
 * A port's payload_cpu.h defines
 *
 *	static inline long tm_payload_syscall(long nr, long a, long b, long c, long d)
 *
 *   executes a system call; -errno if it fails. Always inlined.
 *
 *	TM_PAYLOAD_DETOUR(section, name, handler, passed, moved)
 *
 *   with strings: code in `section` with the global hidden symbol `name`, to
 *   which a function jumps with its arguments. It calls `handler` with the same
 *   arguments unless the 32-bit word at `passed` is set, and goes on at the
 *   address that stands at `moved`, every register as it was that an argument
 *   may be in. Both are addresses that the assembler can compute, in reach of
 *   the section.
 */
#ifndef TM_ARCH_PAYLOAD_H
#define TM_ARCH_PAYLOAD_H

#include "payload_cpu.h"

#endif
