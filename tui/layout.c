#include "layout.h"

static int at_least(int value, int least)
{
	return value > least ? value : least;
}

static int graph_height(int rows)
{
	return rows >= 50 ? 8 : rows >= 34 ? 6 : rows >= 22 ? 3 : 0;
}

struct layout layout_compute(int rows)
{
	struct layout layout = { .note = -1, .graph = -1, .title = -1,
				 .footer = -1 };
	int next;

	layout.header = rows >= 14 ? 3 : rows >= 10 ? 2 : rows >= 6 ? 1 : 0;
	next = layout.header;
	if (rows >= 20)
		layout.note = next++;
	layout.graph_rows = graph_height(rows);
	if (layout.graph_rows) {
		layout.graph = next;
		next += layout.graph_rows;
	}
	if (rows >= 3)
		layout.title = next++;
	layout.first = next;
	if (rows >= 5)
		layout.footer = rows - 1;
	layout.nrows = at_least(rows - next - (layout.footer >= 0), 0);
	layout.pager_rows = at_least(rows - 1 - (layout.footer >= 0), 0);
	layout.rows_rows = at_least(layout.pager_rows - 1, 0);
	/* A frame, a title line, a hint line, and something to see around. */
	layout.menu_rows = at_least(rows - 6, 1);
	return layout;
}
