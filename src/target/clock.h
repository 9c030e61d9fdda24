/* What time it is for a process. Private to the library. */
#ifndef TM_TARGET_CLOCK_H
#define TM_TARGET_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* CLOCK_MONOTONIC_COARSE as the process has it, which may be in another time namespace
 * than we are. False: that cannot be told. */
bool tm_process_clock(pid_t pid, uint64_t *ret_ns);

#endif
