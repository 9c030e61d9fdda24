#include "shard.h"

enum { SPINS = 1 << 26 };

bool shard_lock_slowly(struct tm_recorder_shard *shard, uint64_t me)
{
	for (uint32_t i = 0; i < SPINS; i++) {
		uint64_t seen = __atomic_load_n(&shard->lock, __ATOMIC_RELAXED);

		if (seen == me)
			return false;
		if (seen == 0 &&
		    __atomic_compare_exchange_n(&shard->lock, &seen, me, false,
						__ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
		cpu_pause();
	}
	return false;
}
