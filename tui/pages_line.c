#include "state.h"

#include <inttypes.h>

#include "text.h"

/* "pid 4711, frames per traceback (1-65535) [25]: " */
static int draw_nframe(const struct state *state, int row, int col,
		       struct screen *screen)
{
	char whom[32] = "";

	state_whom(state, source_is_process, whom);
	return col + screen_printf(screen, row, col, ROLE_LABEL,
				   "%s, frames per traceback (1-%d) [%" PRIu32 "]: ",
				   whom, TM_NFRAME_MAX, state->nframe);
}

static void draw_prompt(const struct state *state, size_t line, int row,
			struct lines *lines, struct screen *screen)
{
	const struct prompt *prompt = &state->prompt;
	const char *what = prompt->kind == PROMPT_SAVE ? "Save as: " :
			   prompt->kind == PROMPT_NFRAME ? "Start tracing in " :
			   prompt->kind == PROMPT_FIND ? "Search: " :
			   prompt->kind == PROMPT_TYPE ? "Types: " :
			   prompt->exclude ? "Exclude" : "Include";
	struct tm_text tail;
	int col;

	(void)line;
	(void)lines;
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

const struct page page_prompt = {
	.shape = PAGE_LINE, .keys = KEYS_LINE, .draw = draw_prompt,
};

static void draw_question(const struct state *state, size_t line, int row,
			  struct lines *lines, struct screen *screen)
{
	(void)line;
	(void)lines;
	screen_blank(screen, row, 0, screen->cols, ROLE_NORMAL);
	screen_printf(screen, row, 0, ROLE_WARNING, "%s (y/n) ", state->question);
}

const struct page page_confirm = {
	.shape = PAGE_LINE, .keys = KEYS_LINE, .draw = draw_question,
};
