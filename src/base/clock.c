#include "base/clock.h"

static struct timespec now_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now;
}

uint64_t tm_now_ns(void)
{
	struct timespec now = now_of(CLOCK_MONOTONIC);

	return (uint64_t)now.tv_sec * TM_NS_PER_S + (uint64_t)now.tv_nsec;
}

int64_t tm_wall_clock_ms(void)
{
	struct timespec now = now_of(CLOCK_REALTIME);

	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / (long)TM_NS_PER_MS;
}

void tm_sleep_ns(uint64_t ns)
{
	struct timespec t = tm_timespec(ns);

	nanosleep(&t, NULL);
}
