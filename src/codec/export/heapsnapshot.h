/* .heapsnapshot, the format of V8's heap snapshots. */
#ifndef TM_CODEC_HEAPSNAPSHOT_H
#define TM_CODEC_HEAPSNAPSHOT_H

#include <stdio.h>

#include "heap/census.h"
#include "tmattach/err.h"

/* The census has references and names. */
bool heapsnapshot_write(struct heap_census *census, FILE *out, struct tm_err *err);

#endif
