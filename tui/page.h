/*
 * A page is what keys act on: the table, a text, rows of another kind, a menu
 * over one of these, or a dialog line. Pages are data: the state gets all of them
 * and asks how long they are; view.c draws the current one.
 */
#ifndef TUI_PAGE_H
#define TUI_PAGE_H

#include <stdbool.h>
#include <stddef.h>

struct lines;
struct screen;
struct state;

enum mode {
#define PAGE(name, id) MODE_##name,
#include "pages.def"
	MODE_COUNT
};

enum page_shape {
	PAGE_TABLE, /* below the figures and the graph, with a cursor */
	PAGE_TEXT,  /* fills the screen, and is scrolled */
	PAGE_ROWS,  /* fills the screen, below titles of columns, with a cursor */
	PAGE_MENU,  /* a frame over the page it was opened from, with a cursor */
	PAGE_LINE,  /* above the footer; the page it was opened from is seen */
};

/* Keys that pages have in common: keys.def. */
enum {
	KEYS_MOVE = 1 << 16,
	KEYS_HELP = 1 << 17,
	KEYS_TEXT = 1 << 18,
	KEYS_MENU = 1 << 19,
	KEYS_LINE = 1 << 20,
	KEYS_LIST = KEYS_MOVE | KEYS_HELP,
};

struct page {
	enum page_shape shape;
	bool stays;        /* a dialog opened from it goes back to it; of a dialog
			      itself false */
	enum mode parent;  /* where a page that stays is left to */
	unsigned keys;     /* KEYS_..., beside those of its own */
	const char *title;
	const char *empty; /* a menu's line if it has none */
	/* How many lines it has; NULL: it is not a list. */
	size_t (*length)(const struct state *state);
	/* Draw the part above the lines; NULL: the title. */
	void (*head)(const struct state *state, struct screen *screen);
	/* Draw a line; unknown source lines are added to the wanted ones. */
	void (*draw)(const struct state *state, size_t line, int row,
		     struct lines *lines, struct screen *screen);
	/* For a menu, in place of draw: a line as text; malloc'ed. */
	char *(*text)(const struct state *state, size_t line);
};

extern const struct page *const pages[MODE_COUNT];

#define PAGE(name, id) extern const struct page page_##id;
#include "pages.def"

#endif
