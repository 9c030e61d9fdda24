/*
 * The memory that we map in a target for a call: made, filled, removed.
 * Private to src/control.
 */
#ifndef TM_CONTROL_MAPPING_H
#define TM_CONTROL_MAPPING_H

#include "base/range.h"
#include "control/control.h"
#include "control/payload.h"
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
	CONTROL_RESTORER_AT = CONTROL_CODE_SIZE - 32, /* in the code page */
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

/* Executable at once and never writable: where a process may not make its
 * memory executable later on, this is allowed. We write to it all the same. */
bool control_map(struct tm_remote *remote, struct control_mapping *ret,
		 struct tm_err *err) TM_MUST_CHECK;
/* Arguments, code, protections. The head comes first, with who we are: the
 * mapping is known by that if we are killed. */
bool control_fill(const struct control_target *target, struct tm_remote *remote,
		  const struct control_args *args,
		  const struct control_mapping *mapping,
		  struct tm_err *err) TM_MUST_CHECK;
/* At once; *mapping is none afterwards. */
void control_take_out(struct tm_remote *remote, struct control_mapping *mapping);

/* Is a thread of the stopped target on a stack in there, or may it be? */
bool control_stands_in(const struct tm_stop *stop, struct tm_range mapping);
/* Unmap it if no thread of the stopped target is in it; *ret_busy: one is. The
 * stop must be released after. */
bool control_unmap(const struct control_target *target, struct tm_stop *stop,
		   struct control_mapping *mapping, bool *ret_busy,
		   struct tm_err *err) TM_MUST_CHECK;

/* Read the struct in the target, or write there: tm_poke(). */
bool control_args_read(const struct control_target *target,
		       const struct control_mapping *mapping,
		       struct control_args *ret, struct tm_err *err) TM_MUST_CHECK;
bool control_write(const struct control_target *target, pid_t stopped, tm_addr at,
		   const void *bytes, size_t len, struct tm_err *err) TM_MUST_CHECK;

/* Has the tmattach that made it ended? False where that cannot be known. */
bool control_owner_is_dead(const struct control_head *head);

#endif
