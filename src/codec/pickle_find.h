/* Which snapshot of a pickle is wanted, and what a pickle is that holds none
 * or several. */
#ifndef TM_CODEC_PICKLE_FIND_H
#define TM_CODEC_PICKLE_FIND_H

#include "codec/pickle_shape.h"

/*
 * The snapshots under the value `top`, also in lists, tuples, dictionaries and
 * attributes of objects, in the order in which the pickle has them. Returns
 * how many there are; *ret: number `nth` of them, from 1, if it is there.
 */
size_t pickle_find(struct shape *shape, const struct value *top, size_t nth,
		   struct value *ret);

/* "not a tracemalloc snapshot: a pickle of a list of 3 int". Returns false. */
bool pickle_has_none(struct shape *shape, const struct value *top);
/* `n` of them, and none was named. Returns false. */
bool pickle_has_many(struct shape *shape, const struct value *top, size_t n);

#endif
