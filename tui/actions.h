/* The functions behind the key table, by theme. Each returns reactions. */
#ifndef TUI_ACTIONS_H
#define TUI_ACTIONS_H

#include "state.h"

/* actions_move.c: the cursor of whatever list is shown */
unsigned act_up(struct state *state);
unsigned act_down(struct state *state);
unsigned act_page_up(struct state *state);
unsigned act_page_down(struct state *state);
unsigned act_home(struct state *state);
unsigned act_end(struct state *state);
unsigned act_find(struct state *state);
unsigned act_find_next(struct state *state);
unsigned act_find_previous(struct state *state);
/* Keep the cursor inside the list and the list around the cursor. */
void move_clamp(struct state *state, enum mode mode);
void move_by(struct state *state, enum mode mode, int64_t delta);
/* The next row after the cursor that contains state->find. */
unsigned move_find(struct state *state, bool backwards, bool stay);

/* actions_table.c: what the table shows, and in which order */
unsigned act_by_file(struct state *state);
unsigned act_by_line(struct state *state);
unsigned act_by_traceback(struct state *state);
unsigned act_next_key(struct state *state);
unsigned act_cumulative(struct state *state);
unsigned act_sort_left(struct state *state);
unsigned act_sort_right(struct state *state);
unsigned act_sort_menu(struct state *state);
unsigned act_sort_choose(struct state *state);
unsigned act_reverse(struct state *state);
unsigned act_mark(struct state *state);
unsigned act_unmark(struct state *state);
unsigned act_diff(struct state *state);
unsigned act_domain(struct state *state);
unsigned act_scope(struct state *state);
unsigned act_scope_back(struct state *state);
unsigned act_detail(struct state *state);

/* actions_filter.c */
unsigned act_filter(struct state *state);
unsigned act_include_row(struct state *state);
unsigned act_exclude_row(struct state *state);
unsigned act_filter_list(struct state *state);
unsigned act_filter_remove(struct state *state);
unsigned act_filter_clear(struct state *state);

/* actions_dialog.c: questions, help, leaving */
unsigned act_prompt_accept(struct state *state);
unsigned act_prompt_erase(struct state *state);
unsigned act_prompt_erase_all(struct state *state);
unsigned act_prompt_toggle(struct state *state);
unsigned act_prompt_frames(struct state *state);
unsigned act_close(struct state *state);
unsigned act_help(struct state *state);
unsigned act_save(struct state *state);
unsigned act_yes(struct state *state);
unsigned act_quit(struct state *state);
unsigned act_suspend(struct state *state);
unsigned act_repaint(struct state *state);
void prompt_open(struct state *state, enum prompt_kind kind, const char *text);
/* A character that is bound to nothing was typed. */
unsigned prompt_type(struct state *state, int key);
/* What the prompt holds as a filter; false if it holds none. */
bool prompt_filter(const struct state *state, struct tm_filter *ret);

/* actions_target.c: what reaches the targets */
unsigned act_pause(struct state *state);
unsigned act_faster(struct state *state);
unsigned act_slower(struct state *state);
unsigned act_sample(struct state *state);
unsigned act_reset_peak(struct state *state);
unsigned act_tracing(struct state *state);
unsigned act_tracing_choose(struct state *state);
/* With state->nframe; asks first where it takes the recorder. */
unsigned act_start(struct state *state);
unsigned act_threads(struct state *state);

struct tracing_action {
	const char *title;
	const char *explain;
	const char *question; /* with %s for the processes; NULL: how many
				 frames is what is asked */
	unsigned reaction;    /* what to do after a yes */
};
size_t tracing_action_count(void);
const struct tracing_action *tracing_action_at(size_t i);

#endif
