/* The blocks of a copied table, those that are alike as one. */
#ifndef TM_TRACE_RECORDER_GROUPS_H
#define TM_TRACE_RECORDER_GROUPS_H

#include "trace/recorder_copy.h"

struct tm_recorder_group {
	uint64_t size;
	uint32_t stack, thread;
	uint32_t age; /* as in struct tm_site */
	uint32_t count;
};

/* By size, stack and thread, and where the copy has them by age; malloc'ed. */
struct tm_recorder_group *tm_recorder_group(const struct tm_recorder_copy *copy,
					    size_t *ret_n);

/*
 * A sampled block of s bytes represents 1 / (1 - exp(-s/mean)) such blocks. What
 * rounding to whole blocks loses or adds is carried on to the next size, so
 * that the bytes stay right.
 */
void tm_recorder_estimate(struct tm_recorder_group *groups, size_t n, uint64_t mean);

#endif
