/*
 * State -> screen. No colours, no terminal; only what is on the screen is
 * formatted. Source lines that are not known yet are noted in `lines` as
 * wanted.
 */
#ifndef TUI_VIEW_H
#define TUI_VIEW_H

#include "state.h"

void view_draw(const struct state *state, struct lines *lines,
	       struct screen *screen);

#endif
