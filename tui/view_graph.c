#include "figures.h"

#include <stdio.h>

#include "tmattach/format.h"

/* Room for "1023.9 MiB " to the left of the graph. */
#define LABEL_COLS 11

/* Dot i of n: now is at the right; what is too old for one slot per dot shares
 * its dot with neighbours. */
static uint64_t value_at(const struct state *state, size_t i, size_t n)
{
	uint64_t sum = 0;

	for (size_t s = 0; s < state->nsources; s++) {
		const struct history *history = &state->sources[s].history;
		size_t used = history->n < n ? history->n : n;

		if (state_in_scope(state, s) && i >= n - used)
			sum += history_part(history, i - (n - used), used);
	}
	return sum;
}

static uint64_t scale_of(const struct state *state, uint64_t *ret_span_ms)
{
	uint64_t sum = 0, span = 0;

	for (size_t s = 0; s < state->nsources; s++) {
		const struct history *history = &state->sources[s].history;

		if (!state_in_scope(state, s))
			continue;
		sum += history_max(history);
		if (history_span_ms(history) > span)
			span = history_span_ms(history);
	}
	*ret_span_ms = span;
	return sum;
}

/* How many of `dots` a value fills; something is never nothing. */
static int level(uint64_t value, uint64_t scale, int dots)
{
	int filled;

	if (scale == 0 || value == 0)
		return 0;
	filled = (int)((double)value / (double)scale * dots + 0.5);
	return filled < 1 ? 1 : filled > dots ? dots : filled;
}

/* A braille character: two columns of up to four dots each, from below. */
static wchar_t braille(int left, int right)
{
	static const int left_dots[] = { 0, 0x40, 0x44, 0x46, 0x47 };
	static const int right_dots[] = { 0, 0x80, 0xa0, 0xb0, 0xb8 };

	return (wchar_t)(0x2800 | left_dots[left] | right_dots[right]);
}

static int part_of(int filled, int row_from_below, int dots)
{
	int part = filled - row_from_below * dots;

	return part < 0 ? 0 : part > dots ? dots : part;
}

static void draw_column(const struct layout *layout, struct screen *screen,
			int col, int left, int right)
{
	for (int row = 0; row < layout->graph_rows; row++) {
		int y = layout->graph + layout->graph_rows - 1 - row;
		int l = part_of(left, row, screen->utf8 ? 4 : 2);
		int r = part_of(right, row, screen->utf8 ? 4 : 2);

		if (screen->utf8 && (l || r))
			screen_char(screen, y, col, ROLE_GRAPH, braille(l, r));
		else if (!screen->utf8 && l)
			screen_char(screen, y, col, ROLE_GRAPH, l > 1 ? L'|' : L'.');
	}
}

static void draw_labels(const struct layout *layout, struct screen *screen,
			uint64_t scale, uint64_t span_ms)
{
	int bottom = layout->graph + layout->graph_rows - 1;
	unsigned long long s = span_ms / 1000;
	char buf[32], when[48];

	tm_format_size(buf, (double)scale, false);
	screen_printf(screen, layout->graph, 0, ROLE_DIM, "%*s", LABEL_COLS - 1,
		      buf);
	if (s >= 3600)
		snprintf(when, sizeof(when), "-%lluh%02llum", s / 3600, s / 60 % 60);
	else if (s >= 60)
		snprintf(when, sizeof(when), "-%llum%02llus", s / 60, s % 60);
	else
		snprintf(when, sizeof(when), "-%llus", s);
	screen_printf(screen, bottom, 0, ROLE_DIM, "%*s", LABEL_COLS - 1, when);
}

void view_graph(const struct state *state, const struct layout *layout,
		struct screen *screen)
{
	int width = screen->cols - LABEL_COLS;
	int per_col = screen->utf8 ? 2 : 1;
	int dots = layout->graph_rows * (screen->utf8 ? 4 : 2);
	uint64_t span_ms, scale = scale_of(state, &span_ms);

	if (layout->graph_rows == 0 || width < 4 || scale == 0)
		return;
	draw_labels(layout, screen, scale, span_ms);
	for (int col = 0; col < width; col++) {
		size_t n = (size_t)(width * per_col), i = (size_t)(col * per_col);
		int left = level(value_at(state, i, n), scale, dots);
		int right = level(value_at(state, i + (size_t)per_col - 1, n),
				  scale, dots);

		draw_column(layout, screen, LABEL_COLS + col, left, right);
	}
}
