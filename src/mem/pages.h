/*
 * Pages of a process, kept apart from it: a bug report becomes a test, and a
 * fuzzer has something to change. The file is a zstd-compressed sequence of
 * records { uint64_t address; unsigned char bytes[4096]; }, ascending.
 */
#ifndef TM_MEM_PAGES_H
#define TM_MEM_PAGES_H

#include <stdio.h>

#include "mem/mem.h"

struct tm_page {
	tm_addr at;
	unsigned char bytes[TM_PAGE];
};

struct tm_pages {
	struct tm_page *pages; /* ascending */
	size_t n;
	size_t cap;
};

void tm_pages_free(struct tm_pages *pages); /* works as a guard */
bool tm_pages_load(const char *path, struct tm_pages *ret,
		   struct tm_err *err) TM_MUST_CHECK;
bool tm_pages_save(const struct tm_pages *pages, const char *path,
		   struct tm_err *err) TM_MUST_CHECK;

/* Memory that is these pages and nothing else; they are borrowed. */
struct tm_mem *tm_mem_pages(const struct tm_pages *pages);

/* Memory that reads from `source` and keeps a copy of every page read in
 * `pages`. Both are borrowed. */
struct tm_mem *tm_mem_recorder(struct tm_mem *source, struct tm_pages *pages);

#endif
