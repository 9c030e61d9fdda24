/*
 * The tracebacks of one row, best first. Only the sites' ids and where
 * each begins among the lines are computed ahead; text is made for the lines
 * on the screen.
 */
#ifndef TUI_DETAIL_H
#define TUI_DETAIL_H

#include "table.h"
#include "tmattach/stats.h"

struct detail {
	struct table *table; /* keeps what the rest borrows from */
	struct tm_stat stat;
	struct tm_snapshot *made;           /* without ages; NULL: there are none */
	const struct tm_snapshot *snapshot; /* that of the sites */
	tm_id *sites;
	size_t nsites;
	uint64_t *starts;    /* first line of each site; nsites + 1 of them */
};

/* A heading, two lines a frame, a blank. */
#define DETAIL_LINES(nframe) (2 + 2 * (uint64_t)(nframe))

struct detail *detail_create(struct table *table, const struct tm_stat *stat);
void detail_destroy(struct detail *detail); /* NULL is fine */

uint64_t detail_nlines(const struct detail *detail);
/* The site a line belongs to, and the line within it. */
size_t detail_find(const struct detail *detail, uint64_t line,
		   uint64_t *ret_within);

#endif
