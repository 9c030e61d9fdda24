#include "location.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "text.h"

static char *place_of(const struct tm_frame_view *frame, bool with_line,
		      size_t *ret_len)
{
	struct tm_buf text = { 0 };

	tm_buf_add(&text, "", 0);
	if (frame->filename.len)
		tm_buf_add(&text, frame->filename.bytes, frame->filename.len);
	else if (frame->native && frame->module.bytes)
		tm_buf_addf(&text, "%s+0x%" PRIx64, frame->module.bytes, frame->address);
	else if (frame->native)
		tm_buf_addf(&text, "0x%" PRIx64, frame->address);
	if (with_line && (frame->lineno || !frame->native))
		tm_buf_addf(&text, ":%" PRIu32, frame->lineno);
	*ret_len = text.len;
	return text.data;
}

static struct tm_text function_of(const struct tm_frame_view *frame,
				  struct lines *lines)
{
	const struct line *line;

	if (frame->native || frame->function.bytes)
		return frame->function;
	if (frame->lineno == 0)
		return (struct tm_text){ NULL, 0 };
	line = lines_find(lines, frame->filename, frame->lineno);
	return text_of(line ? line->function : NULL);
}

/* The whole name, or its last part, or nothing: never a piece of a name. */
static struct tm_text fit_function(struct tm_text name, int room, bool utf8)
{
	const char *dot;

	if (name.len == 0 || text_width(name, utf8) <= (size_t)(room > 0 ? room : 0))
		return name;
	dot = memrchr(name.bytes, '.', name.len);
	if (dot) {
		struct tm_text last = { dot + 1, name.len -
					(size_t)(dot + 1 - name.bytes) };

		if (room > 0 && text_width(last, utf8) <= (size_t)room)
			return last;
	}
	return (struct tm_text){ NULL, 0 };
}

static int draw_place(struct screen *screen, int row, int col, int width,
		      struct tm_text place)
{
	size_t need = text_width(place, screen->utf8);
	int used = 0;

	if (width <= 0)
		return 0;
	if (need > (size_t)width) {
		const char *dots = screen->utf8 ? "\u2026" : "<";

		used = screen_puts(screen, row, col, width, ROLE_DIM, dots);
		place = text_tail(place, (size_t)(width - used), screen->utf8);
	}
	return used + screen_text(screen, row, col + used, width - used,
				  ROLE_NORMAL, place);
}

int location_draw(const struct tm_frame_view *frame, bool with_line,
		  struct lines *lines, struct screen *screen, int row, int col,
		  int width)
{
	struct tm_text function = with_line || frame->native ?
				  function_of(frame, lines) :
				  (struct tm_text){ NULL, 0 };
	struct tm_text place;
	char *text = place_of(frame, with_line, &place.len);
	int need, name = 0, used;

	place.bytes = text;
	need = (int)text_width(place, screen->utf8);
	function = fit_function(function, width - need > width / 3 ?
				width - need - 1 : width / 3, screen->utf8);
	if (function.len)
		name = (int)text_width(function, screen->utf8) + 1;
	used = draw_place(screen, row, col, width - name, place);
	if (name > 1)
		used += 1 + screen_text(screen, row, col + used + 1, name - 1,
					ROLE_FUNCTION, function);
	free(text);
	return used;
}
