/*
 * Bulk reading of many small records. The wanted addresses are sorted by
 * page; a window then holds one run of pages at a time, fetched with one
 * read: a page costs as much to read as a record does, so no record is
 * fetched by itself. A caller that goes through the same pages several times
 * can have the first runs kept, up to a limit.
 */
#ifndef TM_MEM_WINDOW_H
#define TM_MEM_WINDOW_H

#include "mem/mem.h"

enum { TM_WINDOW = 1 << 20 }; /* one read; stays in the second-level cache */

/* A run of pages that was kept. */
struct tm_window_run {
	tm_addr base;
	size_t len;
	size_t at;        /* in the window's `kept` */
};

struct tm_window {
	struct tm_mem *mem;
	const char *bytes;
	tm_addr base;
	size_t len;       /* valid bytes at base */
	uint64_t fetched; /* bytes read so far, for progress */

	char *scratch;    /* TM_WINDOW bytes: what is not kept */
	char *kept;
	size_t kept_len;
	size_t kept_cap;
	struct tm_window_run *runs; /* ascending, apart from a shared page */
	size_t nruns;
	size_t runs_cap;
};

void tm_window_init(struct tm_window *window, struct tm_mem *mem);
void tm_window_free(struct tm_window *window);

/* Forget what is kept; from now on keep the first `limit` bytes of runs, as
 * long as these ascend. They take memory as they come. */
void tm_window_keep(struct tm_window *window, size_t limit);

/*
 * Make the window hold the `size` bytes at addrs[0] and as many of the
 * following, ascending records as fit. TM_ERR_FAULT if that first record
 * cannot be read.
 */
bool tm_window_load(struct tm_window *window, const tm_addr *addrs, size_t n,
		    size_t size, struct tm_err *err) TM_MUST_CHECK;

/* The record in the window, or NULL if it is not (wholly) there. */
static inline const char *tm_window_get(const struct tm_window *window,
					tm_addr at, size_t size)
{
	tm_addr off = at - window->base;

	if (off < window->len && size <= window->len - off)
		return window->bytes + off;
	return NULL;
}

/* Sort addresses ascending by page; order within a page is left as it is.
 * `spare` has room for n. */
void tm_sort_by_page(tm_addr *addrs, tm_addr *spare, size_t n);

#endif
