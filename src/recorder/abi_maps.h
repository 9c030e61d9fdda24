/*
 * Mappings that the program made while it was recorded (--maps): a part of abi.h. Anonymous
 * ones, and shared ones of files, of which tmattach keeps those that are memory. Addresses
 * that malloc gives out are kept elsewhere, and may be the same.
 */
#ifndef TM_RECORDER_ABI_MAPS_H
#define TM_RECORDER_ABI_MAPS_H

#include <stdint.h>

enum {
	TM_RECORDER_MAPPINGS = 1 << 16, /* the kernel allows 65530, unless told otherwise */
	TM_RECORDER_MAPS_DOMAIN = 68,   /* TM_DOMAIN_MAPS in tmattach/model.h */
};

/* Whole pages, by one call or what is left of it. */
struct tm_recorder_mapping {
	uint64_t start, end;
	uint32_t stack;
	uint32_t birth;   /* its generation, see struct tm_recorder_time */
	uint32_t of_file; /* shared; whether it is memory (memfd_create()) is not known here */
	uint32_t reserved;
};

/* `items` ascend and do not overlap, whenever `lock` is 0. */
struct tm_recorder_maps {
	uint64_t lock;   /* thread pointer | 1 of the holder */
	uint64_t brk;    /* where the heap of brk() ends, rounded up */
	uint32_t on;     /* set by tmattach: the functions are hooked */
	uint32_t n;
	int64_t bytes;   /* of those that are of no file */
	int64_t peak;    /* the most that these and all blocks have been together */
	struct tm_recorder_mapping items[TM_RECORDER_MAPPINGS];
};

/* What struct tm_recorder_freed is of. */
enum tm_recorder_freed_kind {
	TM_FREED_BLOCK,
	TM_FREED_MAPPING,
	TM_FREED_OF_FILE, /* a mapping, see struct tm_recorder_mapping */
};

_Static_assert(sizeof(struct tm_recorder_mapping) == 32, "ABI");

#endif
