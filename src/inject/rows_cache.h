/*
 * Unwind rows kept on disk from one run to the next, by build-id:
 * $XDG_CACHE_HOME/tmattach/unwind (~/.cache without it). Best effort: without
 * a place of our own there is no cache, and nothing in it is believed before
 * its checksum and its order are right. A build-id is only what a file says of
 * itself, so a checksum of what the rows are made of is part of the key.
 */
#ifndef TM_INJECT_ROWS_CACHE_H
#define TM_INJECT_ROWS_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "recorder/abi.h"

enum {
	ROWS_CACHE_VERSION = 2, /* raise it when rows.c makes other rows */
	ROWS_CACHE_MAX = 4 << 20, /* rows of one file */
	ROWS_CACHE_FILES = 256,   /* the oldest go when there are more */
};

struct rows_key {
	uint8_t build_id[32];
	size_t build_id_len;
	uint64_t source;  /* rows_checksum() of what they are made of */
};

/* Malloc'ed rows, or NULL. */
struct tm_recorder_row *rows_cache_get(const struct rows_key *key, size_t *ret_n);
void rows_cache_put(const struct rows_key *key, const struct tm_recorder_row *rows,
		    size_t n);

/* Goes on from `sum`, 0 at first. Against damage, not against forgery. */
uint64_t rows_checksum(uint64_t sum, const void *bytes, size_t len);

#endif
