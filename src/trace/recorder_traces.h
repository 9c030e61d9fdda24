/*
 * The copy of a recorder's table as traces, at leisure: stacks, frames, rows.
 */
#ifndef TM_TRACE_RECORDER_TRACES_H
#define TM_TRACE_RECORDER_TRACES_H

#include "base/buf.h"
#include "py/stack_layout.h"
#include "tmattach/model.h"
#include "trace/recorder_copy.h"

/* Turns code addresses into frames, and numbers of threads into names. */
struct tm_frame_source {
	/*
	 * The frames of the code that called and returns to `pc` (look up
	 * pc - 1), oldest first: more than one where calls were inlined. At
	 * least one, at most `max`. Asked once per address.
	 */
	size_t (*frames)(void *ctx, struct tm_builder *builder, tm_addr pc,
			 tm_id *ret, size_t max);
	/* Is what returns to `pc` where a program begins, so that nothing is
	 * missed if its caller cannot be found? NULL: never. */
	bool (*begins)(void *ctx, tm_addr pc);
	/* Add the name of the thread with this serial number, if it is known. NULL: none is. */
	bool (*thread)(void *thread_ctx, uint32_t serial, struct tm_buf *ret);
	void *ctx, *thread_ctx;
	/* How the Python of this process keeps its lines. */
	enum py_lines_kind lines;
};

/*
 * Put the copied traces into the builder, and what is known about them into
 * *meta (traceback_limit, traced_current, traced_peak, sample_bytes, dropped).
 * Stacks are read from the table now: it may still change, they do not.
 */
bool tm_recorder_build(const struct tm_recorder_copy *copy, struct tm_mem *mem,
		       tm_addr at, const struct tm_frame_source *source,
		       struct tm_builder *builder, struct tm_meta *meta,
		       struct tm_err *err) TM_MUST_CHECK;

#endif
