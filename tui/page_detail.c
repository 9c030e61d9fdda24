#include "state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "location.h"
#include "text.h"
#include "tmattach/format.h"

static void head(const struct state *state, struct screen *screen)
{
	const struct detail *detail = state->detail;
	struct tm_frame_view frame;
	char size[32], count[32];
	int col;

	if (!detail) {
		screen_puts(screen, 0, 0, screen->cols, ROLE_TITLE,
			    "looking for the tracebacks ...");
		return;
	}
	frame = tm_stat_frame(&detail->stat, tm_stat_nframe(&detail->stat) - 1);
	tm_format_size(size, (double)detail->stat.size, false);
	col = screen_printf(screen, 0, 0, ROLE_TITLE,
			    "%s in %s blocks, %zu traceback%s, at ", size,
			    text_count(count, detail->stat.count), detail->nsites,
			    detail->nsites == 1 ? "" : "s");
	col += screen_text(screen, 0, col, screen->cols - col, ROLE_TITLE,
			   frame.filename);
	if (frame.lineno)
		screen_printf(screen, 0, col, ROLE_TITLE, ":%" PRIu32,
			      frame.lineno);
}

/* "#1  512.0 KiB in 1 024 blocks, 50.0 %, domain 0, 3 of 7 frames" */
static void draw_heading(const struct detail *detail, size_t i, int row,
			 struct screen *screen)
{
	const struct tm_snapshot *s = detail->snapshot;
	const struct tm_site *site = &s->sites[detail->sites[i]];
	const struct tm_traceback *traceback = &s->tracebacks[site->traceback];
	char size[32], count[32];
	int col;

	tm_format_size(size, (double)site->size, false);
	col = screen_printf(screen, row, 0, ROLE_VALUE,
			    "#%zu  %s in %s block%s", i + 1, size,
			    text_count(count, site->count),
			    site->count == 1 ? "" : "s");
	if (detail->stat.size)
		col += screen_printf(screen, row, col, ROLE_NORMAL, ", %.1f %%",
				     100.0 * (double)site->size /
				     (double)detail->stat.size);
	col += screen_printf(screen, row, col, ROLE_NORMAL, ", domain %" PRIu32,
			     site->domain);
	if (traceback->total_nframe != TM_TOTAL_NFRAME_NONE &&
	    traceback->total_nframe > traceback->nframe)
		screen_printf(screen, row, col, ROLE_DIM,
			      ", the newest %" PRIu32 " of %" PRIu32 " frames",
			      traceback->nframe, traceback->total_nframe);
}

static void draw_native_frame(const struct tm_frame_view *frame, int row,
			      struct lines *lines, struct screen *screen)
{
	int col = 2;

	col += location_draw(frame, true, lines, screen, row, col,
			     screen->cols - col);
	if (frame->inlined)
		col += screen_puts(screen, row, col, screen->cols - col, ROLE_DIM,
				   " (inlined)");
	if (frame->module.bytes && frame->filename.len) {
		col += screen_puts(screen, row, col, screen->cols - col, ROLE_DIM,
				   " in ");
		screen_text(screen, row, col, screen->cols - col, ROLE_DIM,
			    frame->module);
	}
}

/* As Python prints it: File "app.py", line 12, in handler */
static void draw_frame(const struct tm_frame_view *frame, int row,
		       struct lines *lines, struct screen *screen)
{
	const struct line *line;
	int col = 2, left;
	struct tm_text name = frame->filename, function;

	if (frame->native) {
		draw_native_frame(frame, row, lines, screen);
		return;
	}
	line = lines_find(lines, frame->filename, frame->lineno);
	col += screen_puts(screen, row, col, screen->cols, ROLE_NORMAL, "File \"");
	left = screen->cols - col - 18;
	if (left > 8 && text_width(name, screen->utf8) > (size_t)left) {
		col += screen_puts(screen, row, col, left, ROLE_DIM,
				   screen->utf8 ? "\u2026" : "<");
		name = text_tail(name, (size_t)left - 1, screen->utf8);
	}
	col += screen_text(screen, row, col, screen->cols - col, ROLE_NORMAL, name);
	col += screen_printf(screen, row, col, ROLE_NORMAL, "\", line %" PRIu32,
			     frame->lineno);
	/* What the process says; else what the source says. */
	function = frame->function.bytes ? frame->function :
		   text_of(line ? line->function : NULL);
	if (!function.bytes)
		return;
	col += screen_puts(screen, row, col, screen->cols - col, ROLE_NORMAL,
			   ", in ");
	screen_text(screen, row, col, screen->cols - col, ROLE_FUNCTION, function);
}

static void draw_source(const struct tm_frame_view *frame, int row,
			struct lines *lines, struct screen *screen)
{
	const struct line *line = lines_find(lines, frame->filename,
					     frame->lineno);
	bool known = line && line->text;

	screen_puts(screen, row, 4, screen->cols - 4,
		    known ? ROLE_SOURCE : ROLE_DIM,
		    known ? line->text : line ? "-" : "...");
}

static void draw(const struct state *state, size_t line, int row,
		 struct lines *lines, struct screen *screen)
{
	const struct detail *detail = state->detail;
	const struct tm_snapshot *s = detail->snapshot;
	uint64_t within;
	size_t i = detail_find(detail, line, &within);
	tm_id traceback = s->sites[detail->sites[i]].traceback;
	struct tm_frame_view frame;

	if (within == 0) {
		draw_heading(detail, i, row, screen);
		return;
	}
	if ((within - 1) / 2 >= s->tracebacks[traceback].nframe)
		return; /* the blank between two */
	frame = tm_traceback_frame(s, traceback, (uint32_t)((within - 1) / 2));
	if ((within - 1) % 2 == 0)
		draw_frame(&frame, row, lines, screen);
	else
		draw_source(&frame, row, lines, screen);
}

static size_t length(const struct state *state)
{
	return state->detail ? detail_nlines(state->detail) : 0;
}

const struct page page_detail = {
	.shape = PAGE_TEXT, .stays = true,
	.keys = KEYS_LIST | KEYS_TEXT,
	.length = length, .head = head, .draw = draw,
};
