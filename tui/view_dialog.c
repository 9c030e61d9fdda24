#include "view.h"

#include <stdio.h>
#include <string.h>

#include "actions.h"
#include "columns.h"
#include "keys.h"
#include "text.h"
#include "xalloc.h"

/* ---- help: made from the key table ------------------------------------------------- */

static const char *const help_text[] = {
	"",
	"Filters: text is any file name with the text in it; * ? [ ] make it a",
	"whole pattern; a :12 at its end is a line; a ! in front excludes.",
	"Sizes are of traced blocks, as tracemalloc counts them. The graph shows",
	"the traced memory since the view was opened. A pause is how long the",
	"target stood still for the last sample.",
};

#define HELP_TEXT_LINES (sizeof(help_text) / sizeof(help_text[0]))

static size_t help_bindings(void)
{
	size_t n = 0;

	for (size_t i = 0; i < keys_count(); i++)
		n += keys_at(i)->help != NULL;
	return n;
}

size_t view_help_length(void)
{
	return help_bindings() + HELP_TEXT_LINES;
}

static void draw_binding(const struct key_binding *binding, int row,
			 struct screen *screen)
{
	int col = 2;

	for (int i = 0; i < KEYS_PER_BINDING && binding->keys[i]; i++) {
		char name[16];

		col += screen_puts(screen, row, col, screen->cols - col, ROLE_KEY,
				   keys_name(name, binding->keys[i])) + 1;
	}
	screen_puts(screen, row, 18, screen->cols - 18, ROLE_NORMAL,
		    binding->help);
}

void view_help(const struct state *state, const struct layout *layout,
	       struct screen *screen)
{
	size_t top = state->scroll[MODE_HELP].top, line = 0;

	screen_blank(screen, 0, 0, screen->cols, ROLE_TITLE);
	screen_puts(screen, 0, 0, screen->cols, ROLE_TITLE, "Keys of tmattach");
	view_position(state, MODE_HELP, screen);
	for (size_t i = 0; i < keys_count(); i++) {
		if (!keys_at(i)->help)
			continue;
		if (line >= top && line - top < (size_t)layout->pager_rows)
			draw_binding(keys_at(i), 1 + (int)(line - top), screen);
		line++;
	}
	for (size_t i = 0; i < HELP_TEXT_LINES; i++, line++)
		if (line >= top && line - top < (size_t)layout->pager_rows)
			screen_puts(screen, 1 + (int)(line - top), 2,
				    screen->cols - 2, ROLE_NORMAL, help_text[i]);
}

/* ---- menus ---------------------------------------------------------------------------- */

struct menu {
	const char *title;
	const char *empty;
	/* Row i as text; malloc'ed. */
	char *(*text)(const struct state *state, size_t i);
};

static char *filter_text(const struct state *state, size_t i)
{
	return filters_describe(&state->filters.items[i]);
}

static char *print(const char *left, const char *right)
{
	char *text = NULL;

	if (asprintf(&text, "%-18s %s", left, right) < 0)
		xcheck(NULL);
	return text;
}

static char *sort_text(const struct state *state, size_t i)
{
	const struct column *column = columns_at(columns_menu_column(i));

	(void)state;
	return print(column->title, column->about);
}

static char *tracing_text(const struct state *state, size_t i)
{
	(void)state;
	return print(tracing_action_at(i)->title, tracing_action_at(i)->explain);
}

static const struct menu menus[MODE_COUNT] = {
	[MODE_FILTERS] = { "Filters, in their order", "there are none", filter_text },
	[MODE_SORT] = { "Sort by", "", sort_text },
	[MODE_TRACING] = { "Tracing in the target", "", tracing_text },
};

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

static int widest(const struct state *state, const struct menu *menu, size_t n)
{
	size_t width = strlen(menu->title) + 2;

	/* Only so many are seen at once, but the frame should not jump. */
	for (size_t i = 0; i < n && i < 200; i++) {
		char *text = menu->text(state, i);
		size_t need = text_width(text_of(text), state->utf8);

		width = need > width ? need : width;
		free(text);
	}
	return width > 400 ? 400 : (int)width;
}

void view_dialog(const struct state *state, const struct layout *layout,
		 struct screen *screen)
{
	const struct menu *menu = &menus[state->mode];
	const struct scroll *scroll = &state->scroll[state->mode];
	size_t n = state_list_length(state, state->mode);
	int seen = n < (size_t)layout->menu_rows ? (int)n : layout->menu_rows;
	int height, width, row, col;

	if (!menu->text)
		return;
	seen = seen < 1 ? 1 : seen;
	width = widest(state, menu, n) + 4;
	width = width > screen->cols ? screen->cols : width;
	height = seen + 2;
	row = (screen->rows - height) / 2;
	col = (screen->cols - width) / 2;
	draw_frame(screen, row, col, height, width, menu->title);
	if (n == 0)
		screen_puts(screen, row + 1, col + 2, width - 4, ROLE_DIM,
			    menu->empty);
	for (int i = 0; i < seen && scroll->top + (size_t)i < n; i++) {
		char *text = menu->text(state, scroll->top + (size_t)i);

		screen_puts(screen, row + 1 + i, col + 2, width - 4, ROLE_NORMAL,
			    text);
		if (scroll->top + (size_t)i == scroll->cursor)
			screen_role(screen, row + 1 + i, col + 1, width - 2,
				    ROLE_SELECTED);
		free(text);
	}
}
