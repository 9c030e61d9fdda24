/* Which part of the view gets which rows of the terminal. */
#ifndef TUI_LAYOUT_H
#define TUI_LAYOUT_H

struct layout {
	int header;     /* lines of figures, from row 0 */
	int note;       /* row of the note; -1: none */
	int graph;      /* first row of the graph; -1: none */
	int graph_rows;
	int title;      /* row of the column titles; -1: none */
	int first;      /* first row of the table */
	int nrows;
	int footer;     /* row of the keys; -1: none */
	int pager_rows; /* lines of a text that fills the screen but for its
			   title and the footer */
	int rows_rows;  /* the same with a title for columns */
	int menu_rows;  /* lines a menu may have */
};

struct layout layout_compute(int rows);

#endif
