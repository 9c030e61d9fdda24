/*
 * The recorder's table as traces: first a plain copy of the slots (for an
 * exact snapshot while the target stands still), then, at leisure, stacks,
 * frames and rows.
 */
#ifndef TM_TRACE_WALK_RECORDER_H
#define TM_TRACE_WALK_RECORDER_H

#include "mem/mem.h"
#include "tmattach/model.h"
#include "tmattach/recorder_abi.h"

struct tm_recorder_copy {
	bool exact;   /* in: false allows for a target that runs meanwhile */
	struct tm_recorder_table table;
	struct tm_recorder_shard shards[TM_RECORDER_SHARDS];
	struct tm_recorder_thread threads[TM_RECORDER_THREADS];
	struct tm_recorder_slot *slots; /* the live ones */
	size_t nslots, cap;
};

/*
 * Copy the table that stands at `at`; `ctx` is the struct above, zeroed but
 * for `exact`; it can be used again. TM_ERR_BUSY: a part is just being
 * rearranged, try another instant; TM_ERR_CORRUPT. The signature is that of
 * tm_inject_copy.
 */
bool tm_recorder_copy_take(void *ctx, struct tm_mem *mem, tm_addr at,
			   struct tm_err *err) TM_MUST_CHECK;
void tm_recorder_copy_free(struct tm_recorder_copy *copy); /* works as a guard */

/* Turns code addresses into frames. */
struct tm_frame_source {
	/*
	 * The frames of the code that called and returns to `pc` (look up
	 * pc - 1), oldest first: more than one where calls were inlined. At
	 * least one, at most `max`. Asked once per address.
	 */
	size_t (*frames)(void *ctx, struct tm_builder *builder, tm_addr pc,
			 tm_id *ret, size_t max);
	void *ctx;
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
