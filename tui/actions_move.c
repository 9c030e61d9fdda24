#include "actions.h"

#include <string.h>

static unsigned move(struct state *state, int64_t delta)
{
	state_move(state, state->mode, delta);
	return R_DRAW;
}

/* A screen, with a line in common. */
static int64_t screenful(const struct state *state)
{
	size_t height = state_list_height(state, state->mode);

	return height > 2 ? (int64_t)height - 1 : 1;
}

unsigned act_up(struct state *state)
{
	return move(state, -1);
}

unsigned act_down(struct state *state)
{
	return move(state, 1);
}

unsigned act_page_up(struct state *state)
{
	return move(state, -screenful(state));
}

unsigned act_page_down(struct state *state)
{
	return move(state, screenful(state));
}

unsigned act_home(struct state *state)
{
	state->scroll[state->mode] = (struct scroll){ 0 };
	return R_DRAW;
}

unsigned act_end(struct state *state)
{
	struct scroll *scroll = &state->scroll[state->mode];

	scroll->top = scroll->cursor = state_list_length(state, state->mode);
	state_clamp(state, state->mode);
	return R_DRAW;
}

/* ---- searching -------------------------------------------------------------- */

static bool row_has(const struct tm_stat *stat, const char *text, size_t len)
{
	uint32_t n = tm_stat_nframe(stat);

	for (uint32_t i = 0; i < n; i++) {
		struct tm_frame_view frame = tm_stat_frame(stat, i);

		if (memmem(frame.filename.bytes, frame.filename.len, text, len) ||
		    (frame.function.bytes &&
		     memmem(frame.function.bytes, frame.function.len, text, len)))
			return true;
	}
	return false;
}

unsigned move_find(struct state *state, bool backwards, bool stay)
{
	struct scroll *scroll = &state->scroll[MODE_TABLE];
	size_t n = state->table ? state->table->nrows : 0;
	size_t len = strlen(state->find);

	for (size_t k = stay ? 0 : 1; len && k <= n && n; k++) {
		size_t row = backwards ? (scroll->cursor + n - k % n) % n :
					 (scroll->cursor + k) % n;

		if (!row_has(table_row(state->table, row, state->reverse),
			     state->find, len))
			continue;
		scroll->cursor = row;
		state_clamp(state, MODE_TABLE);
		return R_DRAW;
	}
	if (len)
		state_say(state, ROLE_WARNING, "not found: %s", state->find);
	return R_DRAW;
}

unsigned act_find(struct state *state)
{
	state->find_from = state->scroll[MODE_TABLE];
	state_prompt(state, PROMPT_FIND, "");
	return R_DRAW;
}

unsigned act_find_next(struct state *state)
{
	return move_find(state, false, false);
}

unsigned act_find_previous(struct state *state)
{
	return move_find(state, true, false);
}
