/* Shards that grow, and what is noted down of slots that change. */
#include "arena.h"

SELDOM void say_before(uint64_t look, struct tm_recorder_slot slot, struct tm_recorder_side side)
{
	struct tm_recorder_table *t = table();
	struct tm_recorder_before *before;
	uint64_t at = __atomic_load_n(&t->journal_tail, __ATOMIC_RELAXED);

	/* Nobody is slowed down for good by a look that nobody ends. */
	if (at > t->journal_room)
		return;
	at = __atomic_fetch_add(&t->journal_tail, sizeof(*before), __ATOMIC_RELAXED);
	if (at + sizeof(*before) > t->journal_room)
		return;
	before = table_at(t->journal + at);
	before->slot = slot;
	before->side = side;
	__atomic_store_n(&before->look, look, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_RELEASE);
}

/* Put a slot's content where it belongs in the shard as it is now. False if
 * the pad is full. */
static bool settle(const struct tm_recorder_shard *shard,
		   const struct arena *arena, const struct moved *what)
{
	uint64_t hash = tm_recorder_hash(what->slot.key & TM_SLOT_ADDRESS);
	uint64_t end = slots_end(shard);

	for (uint64_t i = tm_recorder_home(hash, shard->log2); i < end; i++)
		if (arena->slots[i].key == 0) {
			arena->sides[i] = what->side;
			arena->slots[i] = what->slot;
			return true;
		}
	return false;
}

static bool is_lost(const struct tm_recorder_shard *shard,
		    const struct arena *arena, const struct moved *what)
{
	if (what->slot.key <= TM_SLOT_WRITING || likely(settle(shard, arena, what)))
		return false;
	if (look_now())
		say_before(look_now(), what->slot, what->side);
	return true;
}

static inline struct moved take(const struct arena *arena, uint64_t i)
{
	const struct moved what = { arena->slots[i], arena->sides[i] };

	arena->slots[i].key = 0;
	return what;
}

static void put(const struct arena *arena, uint64_t i, const struct moved *what)
{
	arena->slots[i] = what->slot;
	arena->sides[i] = what->side;
}

/*
 * Make a shard's table larger, in place: the slots are settled anew from the
 * first to the last. What stands in the pad is set aside first, because a
 * larger table begins to use that place.
 */
static void grow(struct tm_recorder_shard *shard, const struct arena *arena, uint32_t log2)
{
	const uint64_t before = shard->log2 ? 1ull << shard->log2 : 0;
	const uint64_t pad = before ? TM_SHARD_PAD : 0;
	const uint64_t aside = tm_recorder_arena_slots(table()->max_log2) - TM_SHARD_PAD;
	uint64_t lost = 0;

	moves_begin(shard);
	for (uint64_t i = 0; i < pad; i++) {
		const struct moved what = take(arena, before + i);

		put(arena, aside + i, &what);
	}
	shard->log2 = log2;
	for (uint64_t i = 0; i < before + pad; i++) {
		const struct moved what = take(arena, i < before ? i : aside + i - before);

		lost += is_lost(shard, arena, &what);
	}
	shard->live -= lost;
	moves_end(shard);
	while (lost--)
		count_dropped();
}

bool arena_grow(struct tm_recorder_shard *shard, const struct arena *arena)
{
	if (shard->log2 == table()->max_log2)
		return false;
	grow(shard, arena, shard->log2 ? shard->log2 + 1 : TM_SHARD_MIN_LOG2);
	return true;
}
