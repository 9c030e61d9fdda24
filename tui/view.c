#include "view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "actions.h"
#include "keys.h"
#include "text.h"

static bool in_footer(const struct state *state,
		      const struct key_binding *binding)
{
	bool only_filters = binding->act == act_prompt_toggle ||
			    binding->act == act_prompt_frames;
	bool only_live = binding->act == act_pause ||
			 binding->act == act_reset_peak ||
			 binding->act == act_tracing ||
			 binding->act == act_threads;

	if (only_live && state_is_offline(state))
		return false;
	if (only_filters && state->prompt.kind != PROMPT_FILTER)
		return false;
	return (binding->modes & (1u << state->mode)) && binding->label;
}

/* Columns of a key with its label and the blank behind. */
static int footer_width(const struct key_binding *binding)
{
	char name[16];

	return (int)(strlen(keys_name(name, binding->keys[0])) +
		     strlen(binding->label)) + 1;
}

static int draw_key(const struct key_binding *binding, int row, int col,
		    struct screen *screen)
{
	char name[16];

	col += screen_puts(screen, row, col, screen->cols - col, ROLE_KEY,
			   keys_name(name, binding->keys[0]));
	col += screen_puts(screen, row, col, screen->cols - col, ROLE_KEY_TEXT,
			   binding->label);
	return col + 1;
}

static void draw_footer_keys(const struct state *state, int row,
			     struct screen *screen)
{
	const struct key_binding *last = NULL;
	int col = 0, reserved;

	/* The way out is the last one in the table, and always shown. */
	for (size_t i = 0; i < keys_count(); i++)
		if (in_footer(state, keys_at(i)))
			last = keys_at(i);
	if (!last)
		return;
	reserved = footer_width(last);
	for (size_t i = 0; i < keys_count(); i++) {
		const struct key_binding *binding = keys_at(i);

		if (!in_footer(state, binding) || binding == last ||
		    col + footer_width(binding) + reserved > screen->cols + 1)
			continue;
		col = draw_key(binding, row, col, screen);
	}
	draw_key(last, row, col, screen);
}

/* "pid 4711, frames per traceback (1-65535) [25]: " */
static int draw_nframe(const struct state *state, int row, int col,
		       struct screen *screen)
{
	char whom[32] = "";

	state_whom(state, whom);
	return col + screen_printf(screen, row, col, ROLE_LABEL,
				   "%s, frames per traceback (1-%d) [%" PRIu32 "]: ",
				   whom, TM_NFRAME_MAX, state->nframe);
}

static void draw_prompt(const struct state *state, int row,
			struct screen *screen)
{
	const struct prompt *prompt = &state->prompt;
	const char *what = prompt->kind == PROMPT_SAVE ? "Save as: " :
			   prompt->kind == PROMPT_NFRAME ? "Start tracing in " :
			   prompt->kind == PROMPT_FIND ? "Search: " :
			   prompt->exclude ? "Exclude" : "Include";
	struct tm_text tail;
	int col;

	screen_blank(screen, row, 0, screen->cols, ROLE_NORMAL);
	col = screen_puts(screen, row, 0, screen->cols, ROLE_LABEL, what);
	if (prompt->kind == PROMPT_FILTER)
		col += screen_puts(screen, row, col, screen->cols - col,
				   ROLE_LABEL, prompt->all_frames ?
				   " (any frame): " : ": ");
	if (prompt->kind == PROMPT_NFRAME)
		col = draw_nframe(state, row, col, screen);
	tail = (struct tm_text){ prompt->text, prompt->len };
	if (screen->cols - col > 1)
		tail = text_tail(tail, (size_t)(screen->cols - col - 1),
				 screen->utf8);
	col += screen_text(screen, row, col, screen->cols - col, ROLE_VALUE, tail);
	screen->cursor_row = row;
	screen->cursor_col = col < screen->cols ? col : screen->cols - 1;
}

void view_footer(const struct state *state, const struct layout *layout,
		 struct screen *screen)
{
	int row = layout->footer >= 0 ? layout->footer - 1 : state->rows - 1;

	if (layout->footer >= 0)
		draw_footer_keys(state, layout->footer, screen);
	if (state->mode == MODE_PROMPT) {
		draw_prompt(state, row, screen);
	} else if (state->mode == MODE_CONFIRM) {
		screen_blank(screen, row, 0, screen->cols, ROLE_NORMAL);
		screen_printf(screen, row, 0, ROLE_WARNING, "%s (y/n) ",
			      state->question);
	} else if (state->message[0]) {
		screen_blank(screen, row, 0, screen->cols, ROLE_NORMAL);
		screen_puts(screen, row, 0, screen->cols, state->message_role,
			    state->message);
	}
}

void view_position(const struct state *state, enum mode mode,
		   struct screen *screen)
{
	size_t n = state_list_length(state, mode);
	size_t height = state_list_height(state, mode);
	size_t top = state->scroll[mode].top;
	char buf[80];
	int len;

	if (n <= height)
		return;
	len = snprintf(buf, sizeof(buf), " %zu-%zu of %zu", top + 1,
		       top + height < n ? top + height : n, n);
	screen_puts(screen, 0, screen->cols - len, len, ROLE_TITLE, buf);
}

void view_draw(const struct state *state, struct lines *lines,
	       struct screen *screen)
{
	struct layout layout = layout_compute(state->rows);
	enum mode below = state->mode;

	screen_clear(screen, state->rows, state->cols);
	if (below == MODE_PROMPT || below == MODE_CONFIRM)
		below = state->back;
	if (below == MODE_DETAIL) {
		view_detail(state, &layout, lines, screen);
	} else if (below == MODE_THREADS) {
		view_threads(state, &layout, screen);
	} else if (below == MODE_HELP) {
		view_help(state, &layout, screen);
	} else {
		view_header(state, &layout, screen);
		view_graph(state, &layout, screen);
		view_table(state, &layout, lines, screen);
		if (below != MODE_TABLE)
			view_dialog(state, &layout, screen);
	}
	view_footer(state, &layout, screen);
}
