/* The columns of the page of objects. */
#ifndef TUI_TYPE_COLUMNS_H
#define TUI_TYPE_COLUMNS_H

#include "state.h"

struct type_column {
	const char *title, *about;
	enum type_sort sort;
	int width;                        /* 0: the name, up to the end of the line */
	int min_cols;
	bool needs_mark, needs_retained;
	/* Returns the role of the text. NULL: the name. */
	enum role (*format)(const struct types *types, const struct tm_heap_group *group,
			    char buf[static 32]);
};

size_t type_columns_count(void);
const struct type_column *type_columns_at(size_t i);
bool type_columns_shown(const struct state *state, size_t i);
size_t type_columns_index_of(enum type_sort sort);
/* The column at a column of the screen. */
const struct type_column *type_columns_at_col(const struct state *state, int col);

#endif
