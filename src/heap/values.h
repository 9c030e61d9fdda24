/* The str and bytes objects of a heap by their values. */
#ifndef TM_HEAP_VALUES_H
#define TM_HEAP_VALUES_H

#include "base/map.h"
#include "heap/census.h"

struct heap_value {
	uint64_t hash, len;
	uint64_t count, size;
	uint32_t first, type;
	char *shown; /* as Python writes it, cut off; NULL: there is only one */
};

/* Zeroed is empty. */
struct heap_values {
	struct heap_value *items;
	size_t n, cap;
	struct tm_map by_hash;
};

/* The census has values. */
void heap_values_collect(struct heap_values *ret, struct heap_census *census);
void heap_values_free(struct heap_values *values);

#endif
