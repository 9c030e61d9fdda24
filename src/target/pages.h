/*
 * Which pages of a process are in memory, and which are also those of another one: after
 * a fork the memory is there once, until one side writes to a page.
 */
#ifndef TM_TARGET_PAGES_H
#define TM_TARGET_PAGES_H

#include <sys/types.h>

#include "mem/mem.h"

struct tm_pages {
	int fd;              /* /proc/PID/pagemap; -1: cannot be read */
	uint64_t first;      /* number of the first page in `entries` */
	size_t n;
	uint64_t entries[512];
};

/* Ask in ascending order: a piece is read at a time. */
void tm_pages_open(struct tm_pages *ret, pid_t pid);
void tm_pages_close(struct tm_pages *pages); /* a guard */

/*
 * An identifier of the memory of this page, among processes of one family: the same at the
 * same address means the same memory. 0: no other process has it, or that is unknown.
 */
uint64_t tm_pages_memory(struct tm_pages *pages, tm_addr at);

/* The bytes of [start, end) that are in memory and of no file. */
uint64_t tm_pages_resident(struct tm_pages *pages, tm_addr start, tm_addr end);

#endif
