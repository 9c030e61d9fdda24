/*
 * The lock of one part of the table. It is held for a few dozen instructions. Its word
 * names the holder: a signal handler that interrupted it in the same thread must not
 * wait for it, and gives up. Whoever waits too long gives up as well (a holder that never
 * comes back: longjmp() out of a handler).
 */
#ifndef TM_RECORDER_SHARD_H
#define TM_RECORDER_SHARD_H

#include "recorder.h"

bool shard_lock_slowly(struct tm_recorder_shard *shard, uint64_t me);

static inline bool shard_lock(struct tm_recorder_shard *shard)
{
	uint64_t me = cpu_thread_pointer() | 1, free = 0;

	if (unlikely(!__atomic_compare_exchange_n(&shard->lock, &free, me, false,
						  __ATOMIC_ACQUIRE,
						  __ATOMIC_RELAXED)) &&
	    !shard_lock_slowly(shard, me))
		return false;
	__atomic_store_n(&shard->seq, shard->seq + 1, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	return true;
}

static inline void shard_unlock(struct tm_recorder_shard *shard)
{
	__atomic_store_n(&shard->seq, shard->seq + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&shard->lock, 0, __ATOMIC_RELEASE);
}

#endif
