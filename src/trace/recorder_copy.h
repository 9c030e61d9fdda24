/*
 * A plain copy of the recorder's table: its head and its live slots, of one instant. It is
 * taken while the target is stopped; or while it runs, see recorder_look.h.
 */
#ifndef TM_TRACE_RECORDER_COPY_H
#define TM_TRACE_RECORDER_COPY_H

#include "mem/mem.h"
#include "recorder/abi.h"

/* 128 KiB: not for a stack. */
struct tm_recorder_copy {
	struct tm_recorder_table table;
	struct tm_recorder_shard shards[TM_RECORDER_SHARDS];
	struct tm_recorder_thread threads[TM_RECORDER_THREADS];
	struct tm_recorder_holder holders[TM_RECORDER_THREADS];
	struct tm_recorder_slot *slots; /* the live ones */
	struct tm_recorder_side *sides; /* of each */
	uint32_t *ages; /* of each, as in struct tm_site; NULL: nobody has asked for them */
	size_t nslots, cap, sides_cap;
	struct tm_recorder_before *before; /* recorder_look.h: what has changed since */
	size_t nbefore, before_cap;
	bool at_peak; /* asked for: as it was then (recorder_peak.h) */
	struct tm_recorder_freed *freed;
	size_t nfreed, freed_cap;
	uint64_t missing; /* blocks of the peak that are not in it */
	bool has_clock;
	uint64_t clock;   /* what time it was for the target */
	struct tm_recorder_mapped *mappings;  /* recorder_maps.h */
	size_t nmappings;
	uint64_t together; /* the most that blocks and mappings have been; 0: only blocks */
	uint64_t files_gone; /* mappings of the peak that may have been memory */
};

/*
 * Copy the table at `at`, of a target that is stopped or a core. A zeroed copy, or one to
 * be used again. TM_ERR_BUSY: a part is just being rearranged, try another instant;
 * TM_ERR_CORRUPT.
 */
bool tm_recorder_copy_take(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
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

/* Private to src/trace: the head, shards and threads; the live slots of shards[i], added to
 * the others. */
bool tm_recorder_copy_head(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			   struct tm_err *err) TM_MUST_CHECK;
bool tm_recorder_copy_slots(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			    uint32_t i, struct tm_err *err) TM_MUST_CHECK;
/* Room for n more slots and their sides; one more of them, for which there is room. */
void tm_recorder_copy_room(struct tm_recorder_copy *copy, size_t n);
static inline void tm_recorder_copy_add(struct tm_recorder_copy *copy,
					const struct tm_recorder_slot *slot,
					const struct tm_recorder_side *side)
{
	copy->sides[copy->nslots] = *side;
	copy->slots[copy->nslots++] = *slot;
}
/* The error for a table of which a part cannot be true,
 * and whether a part lies within the whole. */
bool tm_recorder_damaged(struct tm_err *err);
static inline bool tm_recorder_inside(uint64_t at, uint64_t len, uint64_t size)
{
	return at <= size && len <= size - at;
}

#endif
