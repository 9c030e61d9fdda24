/*
 * A look at the recorder's table while the process runs: what there was at one instant, at
 * which it stood still for a moment. Meanwhile the recorder says of what it changes what
 * that was before (struct tm_recorder_before).
 *
 *	stopped:  table.look is set, tm_recorder_look_begin()
 *	running:  tm_recorder_look_shard() of each, tm_recorder_look_changes()
 *	stopped:  table.look is 0 again; tm_recorder_look_rests(), and only then the
 *	          records' place is nobody's: table.journal_tail becomes 0
 *	later:    tm_recorder_look_end(), which reads nothing
 */
#ifndef TM_TRACE_RECORDER_LOOK_H
#define TM_TRACE_RECORDER_LOOK_H

#include "trace/recorder_copy.h"

/* What of the table is of the instant and no more later: as many bytes whatever is in it.
 * TM_ERR_BUSY: a thread may write a record of an earlier look, which nobody ended. */
bool tm_recorder_look_begin(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			    struct tm_err *err) TM_MUST_CHECK;
/* TM_ERR_BUSY: a thread is in the middle of a change to it and does not get on. */
bool tm_recorder_look_shard(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			    uint32_t i, struct tm_err *err) TM_MUST_CHECK;
/* TM_ERR_LIMIT: there were more than there is room for. TM_ERR_BUSY: it is not this look any
 * more (another tmattach). */
bool tm_recorder_look_changes(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			      struct tm_err *err) TM_MUST_CHECK;
/* The look is over: does no thread write a record of it any more? Asked while it is
 * stopped. TM_ERR_BUSY: one may. */
bool tm_recorder_look_rests(const struct tm_recorder_table *table, struct tm_mem *mem,
			    tm_addr at, struct tm_err *err) TM_MUST_CHECK;
/* Now copy->slots are those of the instant. */
void tm_recorder_look_end(struct tm_recorder_copy *copy);

#endif
