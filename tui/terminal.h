/*
 * The terminal: the only place that knows ncurses. Screens go out, events come
 * in. One terminal per process, as ncurses has it.
 */
#ifndef TUI_TERMINAL_H
#define TUI_TERMINAL_H

#include "event.h"
#include "screen.h"

struct term_opts {
	bool no_color;
	bool ascii;
};

/* Look at stdin, stdout, $TERM and the locale; start the guard. Nothing is
 * written yet. False with *err: this terminal cannot be drawn on. */
bool term_prepare(const struct term_opts *opts, struct tm_err *err);
bool term_utf8(void);

/* Take the screen over. */
bool term_open(struct tm_err *err);
/* Put everything back, also if only prepared; safe to call twice. */
void term_close(void);

void term_size(int *ret_rows, int *ret_cols);
void term_draw(const struct screen *screen);
/* Forget what the terminal is thought to show. */
void term_repaint(void);
/* The window has a new size. */
void term_resized(void);

/* The next key or mouse event that is there already; false: none. */
bool term_read(struct event *ret);

/* Give the terminal back for a while, and take it again. */
void term_leave(void);
void term_return(void);

#endif
