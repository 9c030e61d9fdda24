/* The slots of a shard, as table.c and arena.c see them. */
#ifndef TM_RECORDER_ARENA_H
#define TM_RECORDER_ARENA_H

#include "recorder.h"

/* The slots, and what stands beside each. */
struct arena {
	struct tm_recorder_slot *slots;
	struct tm_recorder_side *sides;
};

struct moved {
	struct tm_recorder_slot slot;
	struct tm_recorder_side side;
};

static inline uint64_t slots_end(const struct tm_recorder_shard *shard)
{
	return (1ull << shard->log2) + TM_SHARD_PAD;
}

/*
 * What is about to change, for the look that goes on (abi.h). Asked once in a call,
 * with the lock held: who reads waits for the calls that were under way when its look
 * began, and these say nothing.
 */
static inline uint64_t look_now(void)
{
	return __atomic_load_n(&table()->look, __ATOMIC_RELAXED);
}

void say_before(uint64_t look, struct tm_recorder_slot slot, struct tm_recorder_side side);

/* Between these two the slots are not to be trusted by who reads them. */
static inline void moves_begin(struct tm_recorder_shard *shard)
{
	__atomic_store_n(&shard->moving, 1, __ATOMIC_RELAXED);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

static inline void moves_end(struct tm_recorder_shard *shard)
{
	__atomic_store_n(&shard->moving, 0, __ATOMIC_RELEASE);
}

/* At most three quarters in use: 43 bytes per block, at worst, and half of that beside
 * them. */
static inline bool arena_has_room(const struct tm_recorder_shard *shard)
{
	const uint64_t n = 1ull << shard->log2;

	return shard->log2 && shard->live < n - n / 4;
}

/* Make a shard larger; false if it is as large as may be. */
SELDOM bool arena_grow(struct tm_recorder_shard *shard, const struct arena *arena);

#endif
