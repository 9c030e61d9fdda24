/* What events do to the state. */
#ifndef TUI_APPLY_H
#define TUI_APPLY_H

#include "state.h"

/* What the event owns may be taken over, the event itself stays the caller's
 * to destroy. Returns reactions. */
unsigned state_apply(struct state *state, struct event *event);

#endif
