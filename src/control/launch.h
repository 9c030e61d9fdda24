/*
 * Bringing the helper thread into the target and taking its memory out again.
 * Private to src/control.
 */
#ifndef TM_CONTROL_LAUNCH_H
#define TM_CONTROL_LAUNCH_H

#include "control/control.h"
#include "control/payload.h"
#include "control/symbols.h"
#include "target/stop.h"

/* Our mapping in the target, from low to high addresses: a guard page, the
 * helper's stack, the borrowed thread's stack, struct control_args, code. */
struct control_mapping {
	tm_addr start;      /* 0: there is none */
	uint64_t len;
	tm_addr args;
	tm_addr code;
};

/*
 * `host` (of `stop`, everything stopped) makes the helper thread; all threads
 * have been released on return. On failure nothing is left in the target.
 */
bool control_launch_on(const struct control_target *target, struct tm_stop *stop,
		       struct tm_thread *host, const struct control_args *args,
		       struct control_mapping *ret, struct tm_err *err) TM_MUST_CHECK;

/* Unmap it if no thread of the stopped target stands in it; *ret_busy: one
 * does. The stop must be released after. */
bool control_unmap(const struct control_target *target, struct tm_stop *stop,
		   struct control_mapping *mapping, bool *ret_busy,
		   struct tm_err *err) TM_MUST_CHECK;

/* Read, or write a part of, the struct in the target. */
bool control_args_read(const struct control_target *target,
		       const struct control_mapping *mapping,
		       struct control_args *ret, struct tm_err *err) TM_MUST_CHECK;
bool control_write(const struct control_target *target, tm_addr at,
		   const void *bytes, size_t len, struct tm_err *err) TM_MUST_CHECK;

#endif
