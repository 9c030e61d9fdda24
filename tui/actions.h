/* The functions that the keys call, by theme. Each returns reactions. */
#ifndef TUI_ACTIONS_H
#define TUI_ACTIONS_H

#include "state.h"

#define KEY(act, ...) unsigned act_##act(struct state *state);
#include "keys.def"

/* actions_move.c: the next row after the cursor that contains state->find. */
unsigned move_find(struct state *state, bool backwards, bool stay);

/* actions_table.c: by another column, in its own direction. */
unsigned sort_by(struct state *state, enum sort sort);

/* actions_objects.c: the same keys on the page of objects. */
unsigned objects_sort_by(struct state *state, enum type_sort sort);
unsigned objects_step_sort(struct state *state, int step);
unsigned objects_reverse(struct state *state);
unsigned objects_mark(struct state *state);
unsigned objects_unmark(struct state *state);
unsigned objects_diff(struct state *state);
unsigned objects_filter(struct state *state);
unsigned objects_filter_typed(struct state *state, const char *filter);
void objects_without_retained(struct state *state);
unsigned objects_scope(struct state *state, int step);

/* actions_dialog.c: a character that is bound to nothing was typed. */
unsigned prompt_type(struct state *state, int key);

/* actions_target.c: with state->nframe; asks first where it takes the
 * recorder. */
unsigned act_start(struct state *state);
/* What a row of the menu of tracing controls asks; REQUEST_COUNT after the last. */
enum request tracing_request(size_t row);

#endif
