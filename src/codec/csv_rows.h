/*
 * The rows of a .csv, as this tool, pandas, LibreOffice or Excel have written
 * them: any columns, with commas, semicolons or tabs between them, with or
 * without a byte order mark, lines that end in CR LF, LF or CR.
 */
#ifndef TM_CODEC_CSV_ROWS_H
#define TM_CODEC_CSV_ROWS_H

#include "codec/record_in.h"
#include "tmattach/model.h"

enum { CSV_MAX_FIELDS = 64 };

struct csv_rows {
	struct record_in *in;               /* text: the fields, a NUL after each */
	size_t at[CSV_MAX_FIELDS + 1];      /* where they begin in it */
	unsigned n;
	int delimiter;                      /* 0: the first row shows it */
};

/* The first row, of names, which all others must be as long as. */
bool csv_take_names(struct csv_rows *rows);
/* False at the end of the file, too: then *ret_end. */
bool csv_take_row(struct csv_rows *rows, unsigned n, bool *ret_end);

/* TM_ERR_CORRUPT at the beginning of the row; returns false. */
bool csv_corrupt(struct csv_rows *rows, const char *what);

struct tm_text csv_field(const struct csv_rows *rows, unsigned i);
/* "4", or "4.0" as of a column in which some are missing. */
bool csv_number(struct tm_text text, uint64_t max, uint64_t *ret);
/* Is there nothing in it, in the words of pandas? */
bool csv_is_missing(struct tm_text text);

#endif
