/*
 * The recorder's table as it was at the peak: what of it is still there, and what has been
 * noted down as freed since (struct tm_recorder_freed). A block may be in both, of a
 * moment at which it was freed. While a new peak is being made, what is there now.
 */
#ifndef TM_TRACE_RECORDER_PEAK_H
#define TM_TRACE_RECORDER_PEAK_H

#include "trace/recorder_copy.h"

/*
 * If copy->at_peak: what is noted down. Read after the slots, while the target is stopped
 * or `running` in a look. TM_ERR_BUSY: it was another peak then; TM_ERR_LIMIT.
 */
bool tm_recorder_peak_read(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			   bool running, struct tm_err *err) TM_MUST_CHECK;
/* Have the slots be those of the peak; copy->missing tells how many there are no more. */
void tm_recorder_peak_apply(struct tm_recorder_copy *copy);

#endif
