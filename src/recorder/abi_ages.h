/* When blocks were allocated, and what has gone since the peak: a part of abi.h, which has
 * the blocks. */
#ifndef TM_RECORDER_ABI_AGES_H
#define TM_RECORDER_ABI_AGES_H

/*
 * Generations number what was allocated between two events: a second has passed, of
 * which struct tm_recorder_time tells, or memory falls after it has been higher than
 * ever. `ages` of the table has the current one in bits 0-31, and in bits 32-63 the one
 * that was current at the peak, 0 while the peak is being made. While a peak stands,
 * blocks that are not younger and are freed are noted down. So the table at the peak is
 * what of it is there now, and what was noted. Where mappings are recorded, too, the peak
 * is the one of both together.
 */
struct tm_recorder_time {
	uint64_t ns;    /* when it began, of CLOCK_MONOTONIC_COARSE in the target */
	uint32_t birth; /* 0: not written yet */
	uint32_t reserved;
};

/* Of the peak `peak`, or of another and overwritten. Written last. A mapping that has
 * been unmapped, or a piece of it, stands here as a block does. */
struct tm_recorder_freed {
	struct tm_recorder_slot slot;
	struct tm_recorder_side side;
	uint32_t peak;
	uint32_t kind; /* enum tm_recorder_freed_kind */
};

/* Both parts of table->ages. */
static inline uint32_t tm_recorder_generation(uint64_t ages)
{
	return (uint32_t)ages;
}

static inline uint32_t tm_recorder_at_peak(uint64_t ages)
{
	return (uint32_t)(ages >> 32);
}

_Static_assert(sizeof(struct tm_recorder_time) == 16, "ABI");
_Static_assert(sizeof(struct tm_recorder_freed) == 32, "ABI");

#endif
