/* The clock by which the recorder tells how old blocks are. Private to src/inject. */
#ifndef TM_INJECT_CLOCK_H
#define TM_INJECT_CLOCK_H

#include "inject/private.h"

/* Where in the target the recorder can ask what time it is; 0: nowhere. */
tm_addr inject_clock(struct tm_injection *in, const struct tm_maps *maps);

#endif
