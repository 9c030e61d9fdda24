/* Whose malloc() a process calls. */
#ifndef TM_HEAP_INTERPOSED_H
#define TM_HEAP_INTERPOSED_H

#include "mem/mem.h"
#include "target/maps.h"

/*
 * The image, other than the C library, that exports malloc(): what the program
 * calls then is not glibc's. NULL if there is none; a path of `maps`.
 */
const char *heap_interposed(struct tm_mem *mem, const struct tm_maps *maps);

#endif
