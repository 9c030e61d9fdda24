/* What events of a source do to the state; state_apply() calls these. Each
 * returns reactions. */
#ifndef TUI_STATE_TARGET_H
#define TUI_STATE_TARGET_H

#include "state.h"

unsigned source_added(struct state *state, const struct event *event);
unsigned source_opened(struct state *state, const struct event *event);
unsigned source_status(struct state *state, const struct event *event);
unsigned source_progress(struct state *state, const struct event *event);
unsigned source_sample(struct state *state, struct event *event);
unsigned source_failed(struct state *state, const struct event *event);
unsigned source_note(struct state *state, const struct event *event);
unsigned source_done(struct state *state, const struct event *event);
unsigned source_threads(struct state *state, struct event *event);

/* Let go of what it holds. */
void source_deinit(struct source *source);

#endif
