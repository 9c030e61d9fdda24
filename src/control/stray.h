/*
 * What a tmattach that was killed has left in the target: its mapping, and
 * perhaps its helper thread that waits for the GIL. Private to src/control.
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

/* Is there any? Reads only; the target may run. */
bool control_has_strays(const struct control_target *target,
			const struct tm_maps *maps);

/*
 * The target is stopped: take them out, and tell threads that still wait
 * in one to end without doing anything. Returns how many are still there.
 * The stop must be released after.
 */
size_t control_sweep(const struct control_target *target, struct tm_stop *stop);

#endif
