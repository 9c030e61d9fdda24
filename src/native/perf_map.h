/*
 * Names of code that a process has generated, from the file that compilers at run time
 * write for perf when they are asked to: /tmp/perf-PID.map, a line for each function,
 * "START SIZE name". Private to src/native.
 */
#ifndef TM_NATIVE_PERF_MAP_H
#define TM_NATIVE_PERF_MAP_H

#include <sys/types.h>

#include "native/symbols.h"

struct perf_map;

/* Reads the file. */
struct perf_map *perf_map_create(pid_t pid);
void perf_map_destroy(struct perf_map *map); /* NULL is fine */

/* Read it again if it has changed. */
void perf_map_refresh(struct perf_map *map);
/* The function at `at`; NULL if none is known. The frame lives as long as the map. */
const struct tm_code_frame *perf_map_find(struct perf_map *map, tm_addr at);

#endif
