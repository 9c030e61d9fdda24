#include "view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "columns.h"
#include "text.h"
#include "xalloc.h"

static void draw_titles(const struct state *state, int row,
			struct screen *screen)
{
	const wchar_t down = screen->utf8 ? L'\u25bc' : L'v';
	const wchar_t up = screen->utf8 ? L'\u25b2' : L'^';
	int col = 0;

	screen_blank(screen, row, 0, screen->cols, ROLE_TITLE);
	for (size_t i = 0; i < columns_count(); i++) {
		const struct column *column = columns_at(i);
		bool sorted = column->sortable && column->sort == state->sort;
		enum role role = sorted ? ROLE_TITLE_SORT : ROLE_TITLE;
		int len = (int)strlen(column->title);
		int at = column->width ? col + column->width - len : col + 1;

		if (!columns_shown(state, i))
			continue;
		screen_puts(screen, row, at, screen->cols - at, role,
			    column->title);
		if (sorted)
			screen_char(screen, row, column->width ? at - 1 : at + len,
				    role, (column->sort == SORT_LOCATION) !=
				    state->reverse ? up : down);
		col += column->width;
	}
}

/* ---- locations --------------------------------------------------------------------- */

static char *place_of(const struct tm_frame_view *frame, bool with_line,
		      size_t *ret_len)
{
	char *text = NULL;
	FILE *out = xcheck(open_memstream(&text, ret_len));

	if (frame->filename.len)
		fwrite(frame->filename.bytes, 1, frame->filename.len, out);
	else if (frame->native && frame->module.bytes)
		fprintf(out, "%s+0x%" PRIx64, frame->module.bytes, frame->address);
	else if (frame->native)
		fprintf(out, "0x%" PRIx64, frame->address);
	if (with_line && (frame->lineno || !frame->native))
		fprintf(out, ":%" PRIu32, frame->lineno);
	if (fclose(out) != 0)
		xcheck(NULL);
	return text;
}

static struct tm_text function_of(const struct tm_frame_view *frame,
				  struct lines *lines)
{
	const struct line *line;

	if (frame->native)
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

int view_location(const struct tm_frame_view *frame, bool with_line,
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
		used += view_location(&frame, state->table->key != TM_KEY_FILENAME,
				      lines, screen, row, col + used, width - used);
		col += used;
		width -= used;
	}
}

/* ---- rows ------------------------------------------------------------------------------ */

static void draw_row(const struct state *state, const struct tm_stat *stat,
		     struct lines *lines, struct screen *screen, int row)
{
	int col = 0;

	for (size_t i = 0; i < columns_count(); i++) {
		const struct column *column = columns_at(i);
		enum role role = ROLE_NORMAL;
		char buf[32];
		int len;

		if (!columns_shown(state, i))
			continue;
		if (!column->format) {
			draw_location(state, stat, lines, screen, row, col + 1);
			continue;
		}
		column->format(state->table, stat, buf, &role);
		len = (int)strlen(buf);
		col += column->width;
		screen_puts(screen, row, col - len, screen->cols, role, buf);
	}
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

static void say(struct screen *screen, int *row, enum role role,
		const char *text)
{
	struct tm_text rest = text_of(text);

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

static void advise_start(struct screen *screen, int *row, pid_t pid)
{
	char buf[128];

	++*row;
	say(screen, row, ROLE_NORMAL, "To start it in this process, press t; or in a shell:");
	snprintf(buf, sizeof(buf), "    tmattach start --nframe 25 %d", (int)pid);
	say(screen, row, ROLE_VALUE, buf);
	say(screen, row, ROLE_NORMAL, "Or from its first allocation on:");
	say(screen, row, ROLE_VALUE, "    PYTHONTRACEMALLOC=25 COMMAND");
	++*row;
	say(screen, row, ROLE_DIM, "The table appears as soon as tracing is on.");
}

static void advise_record(struct screen *screen, int *row)
{
	++*row;
	say(screen, row, ROLE_NORMAL, "To record its native allocations from here, "
	    "press t; it asks first. T shows its threads.");
	say(screen, row, ROLE_DIM, "It is tried again every second, should the "
	    "process become one that is known.");
}

static void explain_native(const struct source *source, struct screen *screen,
			   int *row)
{
	char buf[128];

	snprintf(buf, sizeof(buf), "pid %d: no recorder is in it.", (int)source->pid);
	say(screen, row, ROLE_WARNING, buf);
	++*row;
	say(screen, row, ROLE_NORMAL, "To record its native allocations, press t; "
	    "or in a shell:");
	snprintf(buf, sizeof(buf), "    tmattach start --recorder --nframe 25 %d",
		 (int)source->pid);
	say(screen, row, ROLE_VALUE, buf);
}

static void explain_reading(const struct source *source, struct screen *screen,
			    int *row)
{
	uint64_t done = source->sampled >> 20, total = source->to_sample >> 20;
	char buf[128] = "reading the traces ...";

	if (source->sampling)
		snprintf(buf, sizeof(buf), "reading the traces: %" PRIu64
			 " of about %" PRIu64 " MiB ...", done,
			 total > done ? total : done);
	say(screen, row, ROLE_DIM, buf);
}

static void explain_source(const struct source *source, struct screen *screen,
			   int *row)
{
	char buf[1024];

	if (source->failure.kind != TM_ERR_NONE) {
		snprintf(buf, sizeof(buf), "%s: %s", source->failure.object,
			 source->failure.cause);
		say(screen, row, ROLE_ERROR, buf);
		say(screen, row, ROLE_NORMAL, source->failure.hint);
		if (source->failure.kind == TM_ERR_UNSUPPORTED)
			advise_record(screen, row);
		return;
	}
	if (!source->has_status) {
		say(screen, row, ROLE_DIM, "attaching ...");
		return;
	}
	if (source->status.tracing == TM_TRACING_ON) {
		explain_reading(source, screen, row);
		return;
	}
	if (source->status.kind == TM_RUNTIME_NATIVE) {
		explain_native(source, screen, row);
		return;
	}
	snprintf(buf, sizeof(buf), source->status.tracing == TM_TRACING_OFF ?
		 "pid %d runs %s, but it is not tracing its allocations." :
		 "pid %d: %s is shutting down.", (int)source->pid,
		 source->status.runtime);
	say(screen, row, ROLE_WARNING, buf);
	if (source->status.tracing == TM_TRACING_OFF)
		advise_start(screen, row, source->pid);
}

static void draw_nothing(const struct state *state, const struct layout *layout,
			 struct screen *screen)
{
	int row = layout->first + (layout->nrows > 8);

	if (state->table || state->computing) {
		say(screen, &row, ROLE_DIM, state->computing ? "computing ..." :
		    state->table->filters.n || state->domain >= 0 ?
		    "no trace passes the filters (C clears them)" : "no traces");
		return;
	}
	for (size_t i = 0; i < state->nsources; i++)
		if (state_in_scope(state, i))
			explain_source(&state->sources[i], screen, &row);
}

void view_table(const struct state *state, const struct layout *layout,
		struct lines *lines, struct screen *screen)
{
	const struct scroll *scroll = &state->scroll[MODE_TABLE];

	if (layout->title >= 0)
		draw_titles(state, layout->title, screen);
	if (!state->table || state->table->nrows == 0) {
		draw_nothing(state, layout, screen);
		return;
	}
	for (int i = 0; i < layout->nrows; i++) {
		size_t row = scroll->top + (size_t)i;

		if (row >= state->table->nrows)
			break;
		draw_row(state, table_row(state->table, row, state->reverse),
			 lines, screen, layout->first + i);
		if (row == scroll->cursor)
			screen_role(screen, layout->first + i, 0, screen->cols,
				    ROLE_SELECTED);
	}
}
