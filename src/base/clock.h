/* The clock by which deadlines and pauses are measured. */
#ifndef TM_BASE_CLOCK_H
#define TM_BASE_CLOCK_H

#include <stdint.h>

uint64_t tm_now_ns(void); /* CLOCK_MONOTONIC */

#endif
