/*
 * /proc/PID/maps as an array in address order.
 */
#ifndef TM_TARGET_MAPS_H
#define TM_TARGET_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/range.h"
#include "mem/mem.h"
#include "tmattach/err.h"

struct tm_region {
	tm_addr start;
	tm_addr end;
	uint64_t offset;  /* in the file */
	uint64_t inode;   /* 0: anonymous */
	uint32_t dev_major;
	uint32_t dev_minor;
	bool readable, writable, executable, shared;
	const char *path; /* "" if none; may end in " (deleted)" */
};

struct tm_maps {
	struct tm_region *regions;
	size_t n;
	char *text; /* the paths point into it */
};

/* TM_ERR_GONE when the process no longer has memory. */
bool tm_maps_read(pid_t pid, struct tm_maps *ret, struct tm_err *err) TM_MUST_CHECK;
/* Parse the text of a maps file; consumes `text` (malloc'ed, NUL-terminated),
 * also on failure. Unreadable lines are TM_ERR_CORRUPT. */
bool tm_maps_parse(char *text, struct tm_maps *ret, struct tm_err *err) TM_MUST_CHECK;
void tm_maps_free(struct tm_maps *maps); /* works as a guard */

/* What of them is memory and no file's: anonymous mappings, also shared ones, and those of
 * memfd_create(). Ascending; malloc'ed. */
struct tm_range *tm_maps_memory(const struct tm_maps *maps, size_t *ret_n);

/* The region that holds `at`, or NULL. */
const struct tm_region *tm_maps_find(const struct tm_maps *maps, tm_addr at);

/* Is a file mapped whose path has `part` in it? */
bool tm_maps_have(const struct tm_maps *maps, const char *part);

/* The size of all writable regions, resident or not, in bytes. */
uint64_t tm_maps_writable_bytes(const struct tm_maps *maps);

#endif
