/*
 * Nested address ranges as a flat, searchable list: which is the innermost
 * range around an address? Private to src/native.
 */
#ifndef TM_NATIVE_RANGES_H
#define TM_NATIVE_RANGES_H

#include <stddef.h>
#include <stdint.h>

#define NATIVE_NONE UINT32_MAX

struct native_range {
	uint64_t lo, hi; /* [lo, hi); empty ones are ignored */
	uint32_t id;
};

/* From `at` on (until the next edge) the innermost range is `id`. */
struct native_edge {
	uint64_t at;
	uint32_t id; /* NATIVE_NONE: in no range */
};

struct native_ranges {
	struct native_edge *edges;
	size_t n;
};

/*
 * Sorts `ranges` in place. The innermost of two ranges is the one that starts
 * later, then the shorter one, then the one with the higher id.
 */
void native_ranges_build(struct native_range *ranges, size_t n,
			 struct native_ranges *ret);
void native_ranges_free(struct native_ranges *ranges);

/* NATIVE_NONE outside all ranges. */
uint32_t native_ranges_find(const struct native_ranges *ranges, uint64_t at);

#endif
