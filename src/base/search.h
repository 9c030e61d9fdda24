/*
 * Binary search in anything that is in order.
 *
 * TM_LOWER_BOUND(n, i, before) is the index of the first of `n` items for
 * which the expression `before`, in which `i` is an item's index, is false; n
 * if it is true for all. `before` must be true for the first items and false
 * for all others. It is evaluated about log2(n) times.
 * Nothing else is in here and nothing is called: the recorder, which runs in
 * the target, searches by it, too.
 *
 *	size_t at = TM_LOWER_BOUND(maps->n, i, maps->regions[i].end <= address);
 */
#ifndef TM_BASE_SEARCH_H
#define TM_BASE_SEARCH_H

#include <stddef.h>

#define TM_LOWER_BOUND(n, i, before) __extension__ ({                         \
	size_t tm_low_ = 0, tm_high_ = (n);                                    \
	while (tm_low_ < tm_high_) {                                           \
		size_t i = tm_low_ + (tm_high_ - tm_low_) / 2;                 \
		if (before)                                                    \
			tm_low_ = i + 1;                                       \
		else                                                           \
			tm_high_ = i;                                          \
	}                                                                      \
	tm_low_;                                                               \
})

#endif
