/* Where a frame is, as far as there is room. */
#ifndef TUI_LOCATION_H
#define TUI_LOCATION_H

#include "lines.h"
#include "screen.h"

/* file:line and, as far as there is room, the function; returns the columns
 * used, at most width. */
int location_draw(const struct tm_frame_view *frame, bool with_line,
		  struct lines *lines, struct screen *screen, int row, int col,
		  int width);

#endif
