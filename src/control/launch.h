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

/*
 * Our mapping in the target, from low to high addresses: a guard page, the
 * helper's stack, the borrowed thread's stack and on its top the signal frame
 * that it returns on, struct control_args, code and at its end a restorer.
 */
enum {
	CONTROL_GUARD_SIZE = TM_PAGE,
	CONTROL_STACK_SIZE = 1 << 20, /* 3.14+ wants room to spare; untouched
					 pages cost nothing */
	CONTROL_HOST_STACK_SIZE = 17 * TM_PAGE,
	CONTROL_ARGS_SIZE = TM_PAGE,
	CONTROL_CODE_SIZE = TM_PAGE,
	CONTROL_MAPPING_SIZE = CONTROL_GUARD_SIZE + CONTROL_STACK_SIZE +
			       CONTROL_HOST_STACK_SIZE + CONTROL_ARGS_SIZE +
			       CONTROL_CODE_SIZE,
};
_Static_assert(sizeof(struct control_args) <= CONTROL_ARGS_SIZE, "args fit a page");

struct control_mapping {
	tm_addr start;      /* 0: there is none */
	uint64_t len;
	tm_addr args;
	tm_addr code;
};

/*
 * `host` (of `stop`, everything stopped) makes the helper thread; all threads
 * have been released on return. On failure nothing is left in the target,
 * unless the host did not come back in time (*ret is a mapping then): it goes
 * on by itself, and a helper thread may yet begin.
 *
 * If we are killed meanwhile, the host finishes the call that it is in and
 * returns on a signal frame into what it did before.
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
