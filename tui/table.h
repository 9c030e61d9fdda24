/*
 * A table is the answer to a query: statistics (or differences), put in an
 * order. Tables are computed on the worker's thread, are immutable afterwards
 * and shared by counted references; of 2 000 000 rows the view looks only at
 * those on the screen.
 */
#ifndef TUI_TABLE_H
#define TUI_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>

#include "filters.h"
#include "order.h"
#include "snap.h"
#include "tmattach/stats.h"

/* The frames of a group by content, to find it in another table. */
struct group_name {
	enum tm_key key;
	uint32_t nframe;
	struct group_frame {
		char *bytes;
		size_t len;
		uint32_t lineno;
	} *frames;
};

void group_name_init(struct group_name *name, const struct tm_stat *stat);
void group_name_deinit(struct group_name *name);

struct table_query {
	enum tm_key key;
	struct tm_skip skip; /* borrowed */
	bool cumulative;
	bool diff;            /* differences in compare_to()'s order, groups
				 that are gone included */
	enum sort sort;
	int64_t domain;       /* -1: all */
	struct filters filters;
	struct snap **newer;  /* nsnaps references, NULLs allowed */
	struct snap **older;  /* the marked ones; NULL: nothing is marked */
	size_t nsnaps;
	struct group_name follow; /* nframe 0: no row to be found again */
};

void table_query_deinit(struct table_query *query);

#define TABLE_DOMAINS 32
#define TABLE_NO_ROW SIZE_MAX

struct table {
	atomic_int refs;
	struct snap *newer, *older; /* what the statistics borrow from */
	struct tm_stats *stats;
	struct tm_ages *ages;       /* of each of them; NULL: not known */
	uint32_t *order;            /* row -> index into stats; NULL: the same */
	size_t nrows;
	enum tm_key key;
	struct tm_skip skip; /* borrowed */
	bool cumulative, diff, has_older;
	enum sort sort;
	int64_t domain;
	struct filters filters;
	uint32_t domains[TABLE_DOMAINS]; /* of all traces read, ascending */
	size_t ndomains;
	size_t follow;              /* row of the group to follow */
};

/* The row-th line (0 = first) of the table read in its order or backwards. */
const struct tm_stat *table_row(const struct table *table, size_t row,
				bool reverse);

struct table *table_get(struct table *table); /* NULL is fine, also below */
void table_put(struct table *table);

/*
 * Compute: merge, restrict to the domain, group, compare, sort. `cache` keeps
 * the merged and restricted snapshots from one call to the next; NULL: none.
 */
struct table_cache;
struct table_cache *table_cache_create(void);
void table_cache_destroy(struct table_cache *cache);

struct table *table_compute(const struct table_query *query,
			    struct table_cache *cache,
			    struct tm_err *err) TM_MUST_CHECK;

#endif
