/* Sorting by a 64-bit key. */
#ifndef TM_MODEL_RADIX_H
#define TM_MODEL_RADIX_H

#include <stddef.h>
#include <stdint.h>

struct radix_entry {
	uint64_t key;
	uint64_t item; /* whatever the key belongs to */
};

/* By descending key; entries of equal key stay in their order. */
void radix_sort(struct radix_entry *entries, size_t n);

#endif
