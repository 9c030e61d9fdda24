/* Sorting a table by a column, ties in tracemalloc's order. */
#ifndef TUI_ORDER_H
#define TUI_ORDER_H

#include "table.h"

/* Sets order and nrows from stats, sort and diff. */
void order_table(struct table *table);

/* Two groups by where they are, as shown: newest frame first. */
int order_by_location(const struct tm_stat *a, const struct tm_stat *b);

#endif
