/*
 * A screen is data before it is a terminal: rows of cells, each a character
 * with its combining marks and a role. What a role looks like (colour, bold)
 * is known to term.c alone; tests compare screens as text.
 *
 * Everything that gets in through screen_text() and screen_printf() is made
 * safe: control characters, escape sequences, invalid bytes, lone surrogates
 * and direction marks come out as visible escapes ("\x1b"), so that a cell
 * never holds anything but a printable character.
 */
#ifndef TUI_SCREEN_H
#define TUI_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

#include "tmattach/model.h"

enum role {
	ROLE_NORMAL,
	ROLE_DIM,         /* secondary text, source lines not known */
	ROLE_LABEL,       /* names of figures in the header */
	ROLE_VALUE,       /* the figures */
	ROLE_TITLE,       /* the table's header row, dialog titles */
	ROLE_TITLE_SORT,  /* the column sorted by */
	ROLE_SELECTED,    /* the row under the cursor */
	ROLE_GREW,        /* positive differences */
	ROLE_SHRANK,      /* negative differences */
	ROLE_GRAPH,       /* the memory graph */
	ROLE_PEAK,        /* its peak */
	ROLE_WARNING,     /* something the user should read */
	ROLE_ERROR,       /* something failed */
	ROLE_KEY,         /* a key's name in the footer and the help */
	ROLE_KEY_TEXT,    /* what the key does */
	ROLE_SOURCE,      /* source text */
	ROLE_FUNCTION,    /* function names */
	ROLE_COUNT
};

#define CELL_CHARS 4 /* a base character and up to three marks */

struct cell {
	wchar_t text[CELL_CHARS]; /* zero-padded; text[0] == 0: right half of
				     the wide character before it */
	uint8_t role;
};

struct screen {
	int rows, cols;
	bool utf8;          /* may hold characters beyond ASCII */
	struct cell *cells; /* rows * cols */
	int cursor_row;     /* -1: no text cursor */
	int cursor_col;
};

void screen_init(struct screen *screen, bool utf8);
void screen_deinit(struct screen *screen);
/* Blank, of the given size (negative sizes count as 0). */
void screen_clear(struct screen *screen, int rows, int cols);

/*
 * Put text at (row, col), at most `width` columns of it; what lies outside the
 * screen is dropped. Returns the columns used. A wide character that does not
 * fit is left out.
 */
int screen_text(struct screen *screen, int row, int col, int width,
		enum role role, struct tm_text text);
int screen_puts(struct screen *screen, int row, int col, int width,
		enum role role, const char *text);
int screen_printf(struct screen *screen, int row, int col, enum role role,
		  const char *format, ...) TM_PRINTF(5, 6);
/* One character from our own tables, e.g. of the graph. */
void screen_char(struct screen *screen, int row, int col, enum role role,
		 wchar_t c);
/* Give `width` cells a role, and blanks the character that `fill` means. */
void screen_role(struct screen *screen, int row, int col, int width,
		 enum role role);
void screen_blank(struct screen *screen, int row, int col, int width,
		  enum role role);

/* The role of a difference. */
enum role screen_role_of(int64_t diff);

/* The title of a column that begins at `col`: at its right end, or, of the last one (of
 * width 0), at its left. The one that is sorted by has an arrow. */
enum title_order { TITLE_UNSORTED, TITLE_DOWN, TITLE_UP };
void screen_title(struct screen *screen, int row, int col, int width, const char *title,
		  enum title_order order);

/* A character as UTF-8; returns its length. */
size_t screen_encode(char out[static 4], wchar_t c);

/* UTF-8 lines without trailing blanks; with `roles`, a letter per cell
 * instead of the characters. malloc'ed. */
char *screen_dump(const struct screen *screen, bool roles);

#endif
