/* Clocks and units of time. Nanoseconds are uint64_t throughout. */
#ifndef TM_BASE_CLOCK_H
#define TM_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

#define TM_NS_PER_MS UINT64_C(1000000)
#define TM_NS_PER_S UINT64_C(1000000000)

/* The clock by which deadlines and pauses are measured: CLOCK_MONOTONIC. */
uint64_t tm_now_ns(void);

static inline uint64_t tm_now_ms(void)
{
	return tm_now_ns() / TM_NS_PER_MS;
}

/* Milliseconds since the epoch. */
int64_t tm_wall_clock_ms(void);

static inline struct timespec tm_timespec(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / TM_NS_PER_S),
				  .tv_nsec = (long)(ns % TM_NS_PER_S) };
}

/* May return early: a signal ends it. */
void tm_sleep_ns(uint64_t ns);

#endif
