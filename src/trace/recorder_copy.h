/*
 * A plain copy of the recorder's table: its head and its live slots. All that
 * an exact snapshot needs while the target is stopped.
 */
#ifndef TM_TRACE_RECORDER_COPY_H
#define TM_TRACE_RECORDER_COPY_H

#include "mem/mem.h"
#include "recorder/abi.h"

/* 128 KiB: not for a stack. */
struct tm_recorder_copy {
	bool exact;   /* in: false allows for a running target */
	struct tm_recorder_table table;
	struct tm_recorder_shard shards[TM_RECORDER_SHARDS];
	struct tm_recorder_thread threads[TM_RECORDER_THREADS];
	struct tm_recorder_slot *slots; /* the live ones */
	size_t nslots, cap;
};

/*
 * Copy the table at `at`; `ctx` is the struct above, zeroed but
 * for `exact`; it can be used again. TM_ERR_BUSY: a part is just being
 * rearranged, try another instant; TM_ERR_CORRUPT. The signature is that of
 * tm_inject_copy.
 */
bool tm_recorder_copy_take(void *ctx, struct tm_mem *mem, tm_addr at,
			   struct tm_err *err) TM_MUST_CHECK;
void tm_recorder_copy_free(struct tm_recorder_copy *copy); /* works as a guard */
/* Keep of the slots only the one of the block at `address`, as it is: without
 * what it stands for when sampled. False: it is not known. */
bool tm_recorder_copy_pick(struct tm_recorder_copy *copy, tm_addr address);

/* Has it the frames of a Python? */
static inline bool tm_recorder_is_python(const struct tm_recorder_table *table)
{
	return table->python.code_type != 0;
}

/* Private to src/trace: the error for a table of which a part cannot be true,
 * and whether a part lies within the whole. */
bool tm_recorder_damaged(struct tm_err *err);
static inline bool tm_recorder_inside(uint64_t at, uint64_t len, uint64_t size)
{
	return at <= size && len <= size - at;
}

#endif
