/* The lines above the table. */
#ifndef TUI_FIGURES_H
#define TUI_FIGURES_H

#include "layout.h"
#include "state.h"

void view_header(const struct state *state, const struct layout *layout,
		 struct screen *screen);
void view_graph(const struct state *state, const struct layout *layout,
		struct screen *screen);

#endif
