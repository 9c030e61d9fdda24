/*
 * The table's columns as data: the title row, the rows, the sort menu and
 * mouse clicks are made from one table in columns.c.
 */
#ifndef TUI_COLUMNS_H
#define TUI_COLUMNS_H

#include "state.h"

struct column {
	const char *title;
	const char *about;   /* in the sort menu */
	int width;           /* its blank in front included; 0: the rest */
	int min_cols;        /* shown on terminals at least this wide */
	bool needs_mark;     /* only with a baseline */
	bool needs_ages;     /* only where ages are known */
	bool sortable;
	enum sort sort;
	/* Fill buf; NULL for the location, which page_table.c draws. */
	enum role (*format)(const struct table *table, const struct tm_stat *stat,
			    char buf[static 32]);
};

size_t columns_count(void);
const struct column *columns_at(size_t i);
bool columns_shown(const struct state *state, size_t i);
size_t columns_index_of(enum sort sort);
/* The sortable column at a column of the screen, or NULL. */
const struct column *columns_at_col(const struct state *state, int col);

/* The sort menu: the sortable columns, row by row. */
size_t columns_menu_length(void);
size_t columns_menu_row(size_t column);
size_t columns_menu_column(size_t row);

#endif
