#include "state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "columns.h"
#include "figures.h"
#include "location.h"
#include "text.h"

static void draw_titles(const struct state *state, int row,
			struct screen *screen)
{
	int col = 0;

	screen_blank(screen, row, 0, screen->cols, ROLE_TITLE);
	for (size_t i = 0; i < columns_count(); i++) {
		const struct column *column = columns_at(i);
		bool sorted = column->sortable && column->sort == state->sort;
		bool up = (column->sort == SORT_LOCATION) != state->reverse;

		if (!columns_shown(state, i))
			continue;
		screen_title(screen, row, col, column->width, column->title,
			     !sorted ? TITLE_UNSORTED : up ? TITLE_UP : TITLE_DOWN);
		col += column->width;
	}
}

static bool has_line(enum tm_key key)
{
	return key == TM_KEY_LINENO || key == TM_KEY_TRACEBACK;
}

/* The newest frame, then its callers as far as there is room. */
static void draw_location(const struct state *state, const struct tm_stat *stat,
			  struct lines *lines, struct screen *screen, int row,
			  int col)
{
	uint32_t n = tm_stat_nframe(stat);
	const char *arrow = screen->utf8 ? " \u2190 " : " < ";
	int width = screen->cols - col;

	for (uint32_t i = 0; i < n && width > 3; i++) {
		struct tm_frame_view frame = tm_stat_frame(stat, n - 1 - i);
		int used = 0;

		if (i > 0 && width < 16)
			break;
		if (i > 0)
			used = screen_puts(screen, row, col, width, ROLE_DIM, arrow);
		used += location_draw(&frame, has_line(state->table->key),
				      lines, screen, row, col + used, width - used);
		col += used;
		width -= used;
	}
}

/* ---- rows ------------------------------------------------------------------------------ */

static void draw(const struct state *state, size_t line, int row,
		 struct lines *lines, struct screen *screen)
{
	const struct tm_stat *stat = table_row(state->table, line, state->reverse);
	int col = 0;

	for (size_t i = 0; i < columns_count(); i++) {
		const struct column *column = columns_at(i);
		enum role role;
		char buf[32];

		if (!columns_shown(state, i))
			continue;
		if (!column->format) {
			draw_location(state, stat, lines, screen, row, col + 1);
			continue;
		}
		role = column->format(state->table, stat, buf);
		col += column->width;
		screen_puts(screen, row, col - (int)strlen(buf), screen->cols,
			    role, buf);
	}
	if (line == state->scroll[MODE_TABLE].cursor)
		screen_role(screen, row, 0, screen->cols, ROLE_SELECTED);
}

/* ---- instead of rows ------------------------------------------------------------------- */

/* How much of a text goes on one line: broken at a blank, where there is one. */
static size_t line_length(struct tm_text text, int width, bool utf8)
{
	size_t len = text_head(text, width > 1 ? (size_t)width : 1, utf8).len;
	const char *blank;

	if (len == text.len)
		return len;
	blank = memrchr(text.bytes, ' ', len);
	if (blank && blank > text.bytes)
		return (size_t)(blank - text.bytes);
	return len ? len : 1;
}

/* Over as many lines as it takes. */
static TM_PRINTF(4, 5) void say(struct screen *screen, int *row,
				enum role role, const char *format, ...)
{
	char buf[1024];
	struct tm_text rest;
	va_list args;

	va_start(args, format);
	vsnprintf(buf, sizeof(buf), format, args);
	va_end(args);
	rest = text_of(buf);
	while (*row < screen->rows - 1) {
		size_t len = line_length(rest, screen->cols - 2, screen->utf8);

		screen_text(screen, (*row)++, 2, screen->cols - 2, role,
			    (struct tm_text){ rest.bytes, len });
		if (len == rest.len)
			break;
		len += rest.bytes[len] == ' ';
		rest.bytes += len;
		rest.len -= len;
	}
}

static void advise_start(struct screen *screen, int *row, int pid)
{
	++*row;
	say(screen, row, ROLE_NORMAL, "To start it in this process, press t; or in a shell:");
	say(screen, row, ROLE_VALUE, "    tmattach start --nframe 25 %d", pid);
	say(screen, row, ROLE_NORMAL, "In production, where it may stay on, blocks at random:");
	say(screen, row, ROLE_VALUE, "    tmattach start --sample 512K --nframe 25 %d", pid);
	say(screen, row, ROLE_NORMAL, "Or from its first allocation on:");
	say(screen, row, ROLE_VALUE, "    PYTHONTRACEMALLOC=25 COMMAND");
	++*row;
	say(screen, row, ROLE_NORMAL, "Without it: O shows the objects that are alive, "
	    "and who holds them.");
	say(screen, row, ROLE_DIM, "The table appears as soon as tracing is on.");
}

static void explain_failure(const struct tm_err *failure, struct screen *screen,
			    int *row)
{
	say(screen, row, ROLE_ERROR, "%s: %s", failure->object, failure->cause);
	say(screen, row, ROLE_NORMAL, "%s", failure->hint);
	if (failure->kind != TM_ERR_NO_RUNTIME && failure->kind != TM_ERR_UNSUPPORTED)
		return;
	++*row;
	say(screen, row, ROLE_NORMAL, "To record its native allocations from here, "
	    "press t; it asks first. T shows its threads.");
	say(screen, row, ROLE_DIM, "It is tried again every second, should the "
	    "process become one that is known.");
}

static void explain_native(struct screen *screen, int *row, int pid)
{
	say(screen, row, ROLE_WARNING, "pid %d: no recorder is in it.", pid);
	++*row;
	say(screen, row, ROLE_NORMAL, "To record its native allocations, press t; "
	    "or in a shell:");
	say(screen, row, ROLE_VALUE,
	    "    tmattach start --recorder --nframe 25 %d", pid);
}

static void explain_reading(const struct source *source, struct screen *screen,
			    int *row)
{
	uint64_t done = source->sampled >> 20, total = source->to_sample >> 20;

	if (source->sampling)
		say(screen, row, ROLE_DIM, "reading the traces: %" PRIu64
		    " of about %" PRIu64 " MiB ...", done,
		    total > done ? total : done);
	else
		say(screen, row, ROLE_DIM, "reading the traces ...");
}

static void explain_source(const struct source *source, struct screen *screen,
			   int *row)
{
	const struct tm_status *status = &source->status;
	int pid = (int)source->pid;

	if (source->failure.kind != TM_ERR_NONE) {
		explain_failure(&source->failure, screen, row);
	} else if (!source->has_status) {
		say(screen, row, ROLE_DIM, "attaching ...");
	} else if (status->tracing == TM_TRACING_ON) {
		explain_reading(source, screen, row);
	} else if (status->kind == TM_RUNTIME_NATIVE) {
		explain_native(screen, row, pid);
	} else if (status->tracing == TM_TRACING_OFF) {
		say(screen, row, ROLE_WARNING, "pid %d runs %s, but it is not "
		    "tracing its allocations.", pid, status->runtime);
		advise_start(screen, row, pid);
	} else {
		say(screen, row, ROLE_WARNING, "pid %d: %s is shutting down.",
		    pid, status->runtime);
	}
}

static void draw_nothing(const struct state *state, const struct layout *layout,
			 struct screen *screen)
{
	int row = layout->first + (layout->nrows > 8);

	if (!state->table && state->refused.kind != TM_ERR_NONE) {
		say(screen, &row, ROLE_ERROR, "%s: %s", state->refused.object,
		    state->refused.cause);
		say(screen, &row, ROLE_NORMAL, "%s", state->refused.hint);
		say(screen, &row, ROLE_DIM, "g groups by something else.");
		return;
	}
	if (state->table || state->computing) {
		say(screen, &row, ROLE_DIM, "%s", state->computing ?
		    "computing ..." : state->table->filters.n ||
		    state->domain >= 0 ?
		    "no trace passes the filters (C clears them)" : "no traces");
		return;
	}
	for (size_t i = 0; i < state->nsources; i++)
		if (state_in_scope(state, i))
			explain_source(&state->sources[i], screen, &row);
}

/* ---- the page ------------------------------------------------------------------------- */

static size_t length(const struct state *state)
{
	return state->table ? state->table->nrows : 0;
}

static void head(const struct state *state, struct screen *screen)
{
	struct layout layout = layout_compute(state->rows);

	view_header(state, &layout, screen);
	view_graph(state, &layout, screen);
	if (layout.title >= 0)
		draw_titles(state, layout.title, screen);
	if (length(state) == 0)
		draw_nothing(state, &layout, screen);
}

const struct page page_table = {
	.shape = PAGE_TABLE, .stays = true,
	.keys = KEYS_LIST,
	.length = length, .head = head, .draw = draw,
};
