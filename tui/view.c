#include "view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "keys.h"
#include "layout.h"
#include "text.h"

static bool in_footer(const struct state *state,
		      const struct key_binding *binding)
{
	if ((binding->modes & FOOTER_LIVE) && state_is_offline(state))
		return false;
	if ((binding->modes & FOOTER_FILTER) &&
	    state->prompt.kind != PROMPT_FILTER)
		return false;
	return binding->label && keys_bound(state, binding);
}

/* Columns of a key with its label and the blank after it. */
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

static void draw_footer(const struct state *state, const struct layout *layout,
			struct lines *lines, struct screen *screen)
{
	const struct page *page = state->pages[state->mode];
	int row = layout->footer >= 0 ? layout->footer - 1 : state->rows - 1;

	if (layout->footer >= 0)
		draw_footer_keys(state, layout->footer, screen);
	if (page->shape == PAGE_LINE) {
		page->draw(state, 0, row, lines, screen);
	} else if (state->message[0]) {
		screen_blank(screen, row, 0, screen->cols, ROLE_NORMAL);
		screen_puts(screen, row, 0, screen->cols, state->message_role,
			    state->message);
	}
}

/* ---- pages -------------------------------------------------------------------------- */

/* "12-34 of 56" at the right of a text's title. */
static void draw_position(const struct state *state, enum mode mode,
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

static void draw_page(const struct state *state, enum mode mode, int first,
		      struct lines *lines, struct screen *screen)
{
	const struct page *page = state->pages[mode];
	size_t top = state->scroll[mode].top, n = state_list_length(state, mode);
	size_t height = state_list_height(state, mode);

	if (page->head)
		page->head(state, screen);
	else
		screen_puts(screen, 0, 0, screen->cols, ROLE_TITLE, page->title);
	if (page->shape == PAGE_TEXT || page->shape == PAGE_ROWS)
		draw_position(state, mode, screen);
	for (size_t i = 0; i < height && top + i < n; i++) {
		page->draw(state, top + i, first + (int)i, lines, screen);
		if (page->shape == PAGE_ROWS && top + i == state->scroll[mode].cursor)
			screen_role(screen, first + (int)i, 0, screen->cols,
				    ROLE_SELECTED);
	}
}

/* ---- menus ------------------------------------------------------------------------- */

static void draw_frame(struct screen *screen, int row, int col, int height,
		       int width, const char *title)
{
	static const wchar_t fine[] = L"\u2500\u2502\u250c\u2510\u2514\u2518";
	static const wchar_t plain[] = L"-|++++";
	const wchar_t *c = screen->utf8 ? fine : plain;

	for (int i = 0; i < height; i++) {
		screen_blank(screen, row + i, col, width, ROLE_NORMAL);
		screen_char(screen, row + i, col, ROLE_LABEL, c[1]);
		screen_char(screen, row + i, col + width - 1, ROLE_LABEL, c[1]);
	}
	for (int i = 0; i < width; i++) {
		screen_char(screen, row, col + i, ROLE_LABEL,
			    i == 0 ? c[2] : i == width - 1 ? c[3] : c[0]);
		screen_char(screen, row + height - 1, col + i, ROLE_LABEL,
			    i == 0 ? c[4] : i == width - 1 ? c[5] : c[0]);
	}
	if (width > 6)
		screen_puts(screen, row, col + 2, width - 4, ROLE_LABEL, title);
}

static int widest(const struct state *state, const struct page *menu, size_t n)
{
	size_t width = strlen(menu->title) + 2;

	/* Few are visible at once, but the frame must not change its width while scrolling. */
	for (size_t i = 0; i < n && i < 200; i++) {
		char *text = menu->text(state, i);
		size_t need = text_width(text_of(text), state->utf8);

		width = need > width ? need : width;
		free(text);
	}
	return width > 400 ? 400 : (int)width;
}

static void draw_menu(const struct state *state, enum mode mode,
		      struct screen *screen)
{
	const struct page *menu = state->pages[mode];
	const struct scroll *scroll = &state->scroll[mode];
	size_t n = state_list_length(state, mode);
	size_t seen = state_list_height(state, mode);
	int height, width = widest(state, menu, n) + 4, row, col;

	seen = n < seen ? n : seen;
	width = width > screen->cols ? screen->cols : width;
	height = (seen ? (int)seen : 1) + 2;
	row = (screen->rows - height) / 2;
	col = (screen->cols - width) / 2;
	draw_frame(screen, row, col, height, width, menu->title);
	if (n == 0)
		screen_puts(screen, row + 1, col + 2, width - 4, ROLE_DIM,
			    menu->empty);
	for (size_t i = scroll->top; i < scroll->top + seen && i < n; i++) {
		char *text = menu->text(state, i);

		row++;
		screen_puts(screen, row, col + 2, width - 4, ROLE_NORMAL, text);
		if (i == scroll->cursor)
			screen_role(screen, row, col + 1, width - 2,
				    ROLE_SELECTED);
		free(text);
	}
}

void view_draw(const struct state *state, struct lines *lines,
	       struct screen *screen)
{
	struct layout layout = layout_compute(state->rows);
	enum mode mode = state->mode, under;
	enum page_shape shape;

	screen_clear(screen, state->rows, state->cols);
	if (state->pages[mode]->shape == PAGE_LINE)
		mode = state->back;
	under = state->pages[mode]->shape == PAGE_MENU ? state->back : mode;
	shape = state->pages[under]->shape;
	if (shape == PAGE_TEXT || shape == PAGE_ROWS) {
		screen_blank(screen, 0, 0, screen->cols, ROLE_TITLE);
		draw_page(state, under, shape == PAGE_TEXT ? 1 : 2, lines, screen);
	} else {
		draw_page(state, MODE_TABLE, layout.first, lines, screen);
	}
	if (state->pages[mode]->shape == PAGE_MENU)
		draw_menu(state, mode, screen);
	draw_footer(state, &layout, lines, screen);
}
