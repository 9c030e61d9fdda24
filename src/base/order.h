/* Which comes first, for qsort(). */
#ifndef TM_BASE_ORDER_H
#define TM_BASE_ORDER_H

#include <stdint.h>

static inline int tm_order_u64(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

#endif
