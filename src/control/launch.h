/*
 * Bringing the helper thread into the target. Private to src/control.
 */
#ifndef TM_CONTROL_LAUNCH_H
#define TM_CONTROL_LAUNCH_H

#include "control/mapping.h"

/*
 * Make the mapping and fill it; everything is stopped, and the stop must be released
 * after. On failure nothing is left in the target.
 */
bool control_reserve(const struct control_target *target, struct tm_stop *stop,
		     const struct control_args *args, struct control_mapping *ret,
		     struct tm_err *err) TM_MUST_CHECK;

/*
 * `host` (of `stop`, everything stopped) makes the helper thread, or the call
 * itself (args->holder), with the mapping that *ret is, or a new one where it is none; all
 * threads have been released on return. On failure
 * nothing is left in the target, unless the host did not come back in time
 * (*ret is a mapping then): it goes on by itself, and a helper thread may yet
 * begin.
 *
 * If we are killed meanwhile, the host finishes the call that it is in and
 * returns on a signal frame into what it did before.
 */
bool control_launch_on(const struct control_target *target, struct tm_stop *stop,
		       struct tm_thread *host, const struct control_args *args,
		       struct control_mapping *ret, struct tm_err *err) TM_MUST_CHECK;

/* What the call raised; false. */
bool control_explain_raised(const struct control_target *target,
			    const struct control_call *call,
			    const struct control_args *args, struct tm_err *err);

#endif
