/* How old the recorder's blocks are. */
#ifndef TM_TRACE_RECORDER_AGES_H
#define TM_TRACE_RECORDER_AGES_H

#include "trace/recorder_copy.h"

/* When generations began (struct tm_recorder_time), ascending; zeroed there are none. */
struct tm_recorder_ages {
	struct tm_recorder_time *times;
	size_t n;
	bool full; /* there was no room for the end of the last */
};

/* Those of the table are never changed: it may run meanwhile. */
bool tm_recorder_ages_read(const struct tm_recorder_table *table, struct tm_mem *mem,
			   tm_addr at, struct tm_recorder_ages *ret,
			   struct tm_err *err) TM_MUST_CHECK;
void tm_recorder_ages_free(struct tm_recorder_ages *ages); /* works as a guard */

/* When a block of this generation was allocated, to a second; of a recording of many
 * hours to some 65536th of it. False: that is not known. */
bool tm_recorder_birth(const struct tm_recorder_ages *ages, uint32_t birth, uint64_t *ret_ns);

#endif
