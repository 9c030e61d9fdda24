/*
 * State -> screen. No colours, no terminal; only what is on the screen is
 * formatted. Source lines that are not known yet are noted in `lines` as
 * wanted.
 */
#ifndef TUI_VIEW_H
#define TUI_VIEW_H

#include "layout.h"
#include "screen.h"
#include "state.h"

void view_draw(const struct state *state, struct lines *lines,
	       struct screen *screen);

/* The parts, for each other. */
void view_header(const struct state *state, const struct layout *layout,
		 struct screen *screen);
void view_graph(const struct state *state, const struct layout *layout,
		struct screen *screen);
void view_table(const struct state *state, const struct layout *layout,
		struct lines *lines, struct screen *screen);
void view_detail(const struct state *state, const struct layout *layout,
		 struct lines *lines, struct screen *screen);
void view_threads(const struct state *state, const struct layout *layout,
		  struct screen *screen);
void view_help(const struct state *state, const struct layout *layout,
	       struct screen *screen);
void view_dialog(const struct state *state, const struct layout *layout,
		 struct screen *screen);
void view_footer(const struct state *state, const struct layout *layout,
		 struct screen *screen);

/* file:line and, as far as there is room, the function; returns the columns
 * used, at most width. */
int view_location(const struct tm_frame_view *frame, bool with_line,
		  struct lines *lines, struct screen *screen, int row, int col,
		  int width);

/* "12-34 of 56" at the right of a pager's title. */
void view_position(const struct state *state, enum mode mode,
		   struct screen *screen);

/* Lines of the threads in scope. */
size_t view_threads_length(const struct state *state);

/* Lines of the help text. */
size_t view_help_length(void);

#endif
