/* The live blocks: an open-addressed table in TM_RECORDER_SHARDS parts. */
#include "arena.h"
#include "shard.h"

static inline struct tm_recorder_shard *shard_of(const struct place *place)
{
	return (struct tm_recorder_shard *)table_at(table()->shards) + place->shard;
}

static inline struct arena arena_of(const struct place *place)
{
	const struct tm_recorder_table *t = table();
	char *at = table_at(t->slots + place->shard * t->arena_size);

	return (struct arena){ (void *)at, (void *)(at + tm_recorder_sides_at(t->max_log2)) };
}

static inline void expect(const struct place *place)
{
	const struct arena arena = arena_of(place);
	uint32_t log2 = __atomic_load_n(&shard_of(place)->log2, __ATOMIC_RELAXED);
	uint64_t home = tm_recorder_home(place->hash, log2);

	__builtin_prefetch(arena.slots + home, 1);
	__builtin_prefetch(arena.sides + home, 1);
}

void table_expect(uint64_t address)
{
	struct place place = place_of(address);

	expect(&place);
}

/* A reader at any instant sees either nothing or the whole block. */
static inline void slot_set(struct tm_recorder_slot *slot, struct tm_recorder_slot what)
{
	__atomic_store_n(&slot->value, what.value, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->key, what.key, __ATOMIC_RELEASE);
}

/* The slot of an address, or where to put it, or none: the pad is full. */
static struct tm_recorder_slot *find(const struct tm_recorder_shard *shard,
				     struct tm_recorder_slot *slots,
				     uint64_t hash, uint64_t address, bool *ret_old)
{
	uint64_t end = slots_end(shard);

	*ret_old = false;
	for (uint64_t i = tm_recorder_home(hash, shard->log2); i < end; i++) {
		uint64_t key = slots[i].key;

		if (key == 0)
			return &slots[i];
		if ((key & TM_SLOT_ADDRESS) == address) {
			*ret_old = true;
			return &slots[i];
		}
	}
	return NULL;
}

static struct tm_recorder_slot *find_place(struct tm_recorder_shard *shard,
					   const struct arena *arena, uint64_t hash,
					   uint64_t address, bool *ret_old)
{
	struct tm_recorder_slot *slot = NULL;

	if (likely(arena_has_room(shard)) || arena_grow(shard, arena))
		slot = find(shard, arena->slots, hash, address, ret_old);
	if (likely(slot))
		return slot;
	if (arena_grow(shard, arena))
		slot = find(shard, arena->slots, hash, address, ret_old);
	return slot;
}

static inline uint64_t weight(uint64_t size)
{
	return unlikely(table()->sample_bytes) ? sample_weight(size) : size;
}

/* Write the block into its place, which may be one that nobody has said goes. */
static inline void fill(struct tm_recorder_shard *shard, const struct arena *arena,
		 struct tm_recorder_slot *slot, const struct block *block,
		 struct tm_recorder_side side)
{
	struct tm_recorder_side *beside = &arena->sides[slot - arena->slots];
	const struct tm_recorder_slot absent = { block->address, TM_BEFORE_ABSENT };
	const bool old = slot->key != 0;
	uint64_t now = look_now();

	if (unlikely(now))
		say_before(now, old ? *slot : absent, *beside);
	if (old) {
		__atomic_store_n(&slot->key, TM_SLOT_WRITING, __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_RELEASE);
	} else {
		shard->live++;
	}
	*beside = side;
	slot_set(slot, tm_slot_of(block->address, block->size, block->stack));
}

/* A block that goes, as the counters have it; returns what peak_loses() does. With the
 * lock held: who reads waits for that. */
static inline uint32_t uncount(struct tm_recorder_thread *thread, const struct moved *was,
			uint32_t noted)
{
	count_bytes(thread, -(int64_t)weight(tm_slot_size(&was->slot)));
	return peak_loses(&was->slot, &was->side, noted);
}

static inline struct tm_recorder_side side_of(const struct block *block,
					      const struct tm_recorder_thread *thread)
{
	return (struct tm_recorder_side){
		.birth = block->birth ? block->birth : age_birth(),
		.thread = thread_serial(thread),
	};
}

/* The old one may be what ends a peak, of which the new one is not. */
static SELDOM void fill_again(struct tm_recorder_shard *shard, const struct arena *arena,
			      struct tm_recorder_slot *slot, const struct block *block,
			      struct tm_recorder_thread *thread)
{
	const struct moved was = { *slot, arena->sides[slot - arena->slots] };
	const uint32_t noted = uncount(thread, &was, peak_loses(&was.slot, &was.side, 0));

	fill(shard, arena, slot, block, side_of(block, thread));
	peak_loses(&was.slot, &was.side, noted);
}

static inline void put_in(struct tm_recorder_shard *shard, const struct arena *arena,
			  struct tm_recorder_slot *slot, const struct block *block, bool old,
			  struct tm_recorder_thread *thread)
{
	if (unlikely(old)) {
		fill_again(shard, arena, slot, block, thread);
		return;
	}
	fill(shard, arena, slot, block, side_of(block, thread));
	if (table()->sample_bytes)
		filter_add(block->address);
}

void table_insert(const struct block *block, struct tm_recorder_thread *thread)
{
	const struct place place = place_of(block->address);
	const struct arena arena = arena_of(&place);
	struct tm_recorder_shard *shard = shard_of(&place);
	struct tm_recorder_slot *slot;
	bool old = false;

	age_look_at_clock();
	if (block->address > TM_SLOT_ADDRESS || !shard_lock(shard)) {
		count_dropped();
		return;
	}
	slot = find_place(shard, &arena, place.hash, block->address, &old);
	if (likely(slot))
		put_in(shard, &arena, slot, block, old, thread);
	shard_unlock(shard);
	if (unlikely(!slot))
		count_dropped();
	else
		count_bytes(thread, (int64_t)weight(block->size));
}

/*
 * Free a slot and close the gap: what stands behind it moves up as long as it
 * does not come before its home. So there are no deleted slots to skip, and
 * nothing to clean up. Copied first, cleared later: a block that moves is
 * there twice for an instant, never not at all.
 */
static void slot_clear(struct tm_recorder_shard *shard, const struct arena *arena, uint64_t gap)
{
	struct tm_recorder_slot *slots = arena->slots;
	uint64_t end = slots_end(shard), now = look_now();
	bool moved = false;

	if (unlikely(now))
		say_before(now, slots[gap], arena->sides[gap]);
	for (uint64_t i = gap + 1; i < end && slots[i].key != 0; i++) {
		uint64_t hash = tm_recorder_hash(slots[i].key & TM_SLOT_ADDRESS);

		if (tm_recorder_home(hash, shard->log2) > gap)
			continue;
		if (!moved)
			moves_begin(shard);
		moved = true;
		if (unlikely(now))
			say_before(now, slots[i], arena->sides[i]);
		arena->sides[gap] = arena->sides[i];
		slots[gap].value = slots[i].value;
		__atomic_store_n(&slots[gap].key, slots[i].key, __ATOMIC_RELEASE);
		gap = i;
	}
	__atomic_store_n(&slots[gap].key, 0, __ATOMIC_RELEASE);
	if (moved)
		moves_end(shard);
	shard->live--;
}

/*
 * Allocators look at what stands before a block as soon as they get it back.
 * Ask for it now: our own accesses wait for each other (a lock), and would
 * otherwise delay it, where without us several such misses overlap.
 */
static inline void expect_header(uint64_t block)
{
	__builtin_prefetch((const char *)block - 8, 1);
}

static struct block take_out(struct tm_recorder_shard *shard, const struct arena *arena,
			     uint64_t i, uint64_t address)
{
	const struct moved was = { arena->slots[i], arena->sides[i] };
	const uint32_t noted = peak_loses(&was.slot, &was.side, 0);

	slot_clear(shard, arena, i);
	if (table()->sample_bytes)
		filter_remove(address);
	uncount(thread_slot(), &was, noted);
	return (struct block){ address, tm_slot_size(&was.slot), tm_slot_stack(&was.slot),
			       was.side.birth };
}

bool table_remove(uint64_t address, struct block *ret_old)
{
	const struct place place = place_of(address);
	const struct arena arena = arena_of(&place);
	struct tm_recorder_shard *shard = shard_of(&place);
	struct tm_recorder_slot *slot;
	bool known = false;

	expect_header(address);
	expect(&place);
	if (!shard_lock(shard)) {
		count_dropped();
		return false;
	}
	slot = shard->log2 ? find(shard, arena.slots, place.hash, address, &known) : NULL;
	if (known)
		*ret_old = take_out(shard, &arena, (uint64_t)(slot - arena.slots), address);
	shard_unlock(shard);
	return known;
}

bool table_misses(uint64_t address)
{
	struct place place = place_of(address);
	const struct tm_recorder_shard *shard = shard_of(&place);
	uint64_t seq = __atomic_load_n(&shard->seq, __ATOMIC_ACQUIRE);
	bool known = false;

	if (shard->log2)
		find(shard, arena_of(&place).slots, place.hash, address, &known);
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return !known && seq % 2 == 0 &&
	       seq == __atomic_load_n(&shard->seq, __ATOMIC_RELAXED);
}

/* At the peak it was still the other's. */
static void hand_on(struct tm_recorder_shard *shard, const struct arena *arena,
		    struct tm_recorder_slot *slot, uint32_t stack,
		    const struct tm_recorder_thread *thread)
{
	const struct moved was = { *slot, arena->sides[slot - arena->slots] };
	const struct block block = { slot->key & TM_SLOT_ADDRESS, tm_slot_size(slot), stack, 0 };
	const uint32_t noted = peak_loses(&was.slot, &was.side, 0);

	fill(shard, arena, slot, &block, side_of(&block, thread));
	peak_loses(&was.slot, &was.side, noted);
}

void table_hand_on(uint64_t address, uint32_t stack, const struct tm_recorder_thread *thread)
{
	const struct place place = place_of(address);
	const struct arena arena = arena_of(&place);
	struct tm_recorder_shard *shard = shard_of(&place);
	struct tm_recorder_slot *slot;
	bool known = false;

	age_look_at_clock();
	if (!shard_lock(shard)) {
		count_dropped();
		return;
	}
	slot = shard->log2 ? find(shard, arena.slots, place.hash, address, &known) : NULL;
	if (known)
		hand_on(shard, &arena, slot, stack, thread);
	shard_unlock(shard);
}
