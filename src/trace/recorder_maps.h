/*
 * The mappings in a copy of the recorder's table. Private to who copies it.
 */
#ifndef TM_TRACE_RECORDER_MAPS_H
#define TM_TRACE_RECORDER_MAPS_H

#include "base/range.h"
#include "trace/recorder_copy.h"

/* Those of the instant. TM_ERR_BUSY: they are just being changed, try another one. */
bool tm_recorder_maps_take(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			   struct tm_err *err) TM_MUST_CHECK;

/*
 * Keep what of them was memory at that instant: tm_maps_memory(). Of a file's shared mapping
 * the recorder cannot tell, and what was unmapped by a system call that no hook has seen goes,
 * too.
 */
void tm_recorder_maps_keep(struct tm_recorder_copy *copy, const struct tm_range *memory,
			   size_t n);

/* How much memory they are together. */
uint64_t tm_recorder_mapped(const struct tm_recorder_copy *copy);

/* Keep only the one that holds `address`; false: none does. */
bool tm_recorder_maps_pick(struct tm_recorder_copy *copy, tm_addr address);

#endif
