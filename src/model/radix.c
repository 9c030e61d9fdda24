#include "model/radix.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/*
 * A byte at a time from the lowest; most of the upper ones are the same in
 * all entries and are passed over.
 */
void radix_sort(struct radix_entry *entries, size_t n)
{
	struct radix_entry *other = tm_reallocarray(NULL, n, sizeof(*other));
	struct radix_entry *from = entries, *to = other;

	for (unsigned shift = 0; n && shift < 64; shift += 8) {
		size_t start[257] = { 0 };
		struct radix_entry *swap = from;

		for (size_t i = 0; i < n; i++)
			start[256 - (from[i].key >> shift & 0xff)]++;
		if (start[256 - (from[0].key >> shift & 0xff)] == n)
			continue;
		for (int digit = 1; digit <= 256; digit++)
			start[digit] += start[digit - 1];
		for (size_t i = 0; i < n; i++)
			to[start[255 - (from[i].key >> shift & 0xff)]++] =
				from[i];
		from = to;
		to = swap;
	}
	if (from != entries)
		memcpy(entries, from, n * sizeof(*entries));
	free(other);
}
