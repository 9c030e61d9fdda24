/* The groups of statistics and differences, in each form. */
#ifndef TM_REPORT_ITEMS_H
#define TM_REPORT_ITEMS_H

#include "report/json.h"

/* What each group that is shown has besides its figures. */
struct items_more {
	const struct tm_share *shares;   /* of tm_stats_shares(), in `nparts` sources */
	size_t nparts;
	const struct tm_growth *growth;  /* NULL but in a series */
	const struct tm_error *errors;   /* NULL but of a sample */
	const struct tm_ages *ages;      /* NULL: not known, or not wanted */
};

/* Bytes of a group of several processes that stand in more than one share, but are
 * there once. */
uint64_t items_inherited(const struct items_more *more, const struct tm_stats *stats,
			 size_t i);

/* How many of `n` the limit lets through. */
size_t items_shown(const struct report *how, size_t n);
/* What a heading says of that number, "Top N". */
size_t items_top(const struct report *how, size_t n);

#define ITEMS_AGE_COLUMNS ",oldest,newest"

/* The ages of those that are shown, if they are wanted and known; to be freed. Of
 * differences those of `newer`; else NULL. */
struct tm_ages *items_ages(const struct report *how, const struct tm_stats *stats,
			   const struct tm_snapshot *newer, const struct tm_query *query);

/* One group: its line, then its traceback or, with REPORT_PRETTY, its source line.
 * `is_diff`: the line tells the differences; `ages` may be NULL. */
void items_print_group(const struct report *how, const struct tm_stat *stat,
		       const struct tm_ages *ages, bool is_diff);

/* The text or, with REPORT_PRETTY, the long form. */
void items_print(const struct report *how, const struct tm_stats *stats,
		 const struct tm_ages *ages);

/* `head` is the report but for the list itself, an empty array, its last member;
 * `more` may be NULL. */
bool items_write_json(const struct report *how, json_t *head,
		      const struct tm_stats *stats, const struct items_more *more,
		      struct tm_err *err);
void items_set_query(json_t *head, const struct tm_query *query);

/* `columns` names the columns, without the end of the line. */
bool items_write_csv(const struct report *how, const char *columns,
		     const struct tm_stats *stats, const struct items_more *more,
		     struct tm_err *err);
/* A source's column of CSV: a process' is called by its pid, a file's by its name. */
void items_add_column(struct tm_buf *columns, const struct tm_meta *meta,
		      const char *file);

#endif
