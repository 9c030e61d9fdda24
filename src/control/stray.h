/*
 * Calls that others have in the target: a mapping, and perhaps a helper thread that
 * waits for the GIL. Of a tmattach that was killed it is taken out. Private to
 * src/control.
 *
 * A mapping of ours is known by its head (payload.h), which precedes a page
 * of executable anonymous memory; one that was never written to, by its
 * unusual length, protection and emptiness. What a living tmattach has made,
 * or one of another pid namespace, is not touched.
 */
#ifndef TM_CONTROL_STRAY_H
#define TM_CONTROL_STRAY_H

#include "control/mapping.h"
#include "target/maps.h"

/* Is there any, of whomever? Reads only; the target may run. */
bool control_has_any(const struct control_target *target, const struct tm_maps *maps);

/* Is a thread of the stopped target in one that is not `own`, or may it be, or does a
 * living tmattach keep threads out of tracemalloc (drain.h)? */
bool control_is_in_use(const struct control_target *target, const struct tm_stop *stop,
		       const struct control_mapping *own, bool *ret, struct tm_err *err) TM_MUST_CHECK;

/*
 * The target is stopped: take out those of the dead, and tell threads that still
 * wait in one to end without doing anything. Returns how many have a thread in
 * them, of whomever. The stop must be released after.
 */
size_t control_sweep(const struct control_target *target, struct tm_stop *stop);

#endif
