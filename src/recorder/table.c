/* The live blocks: an open-addressed table in TM_RECORDER_SHARDS parts. */
#include "shard.h"

static inline struct tm_recorder_shard *shard_of(const struct place *place)
{
	return (struct tm_recorder_shard *)table_at(table()->shards) + place->shard;
}

/* The slots of a shard, and what stands beside each. */
struct arena {
	struct tm_recorder_slot *slots;
	struct tm_recorder_side *sides;
};

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

static __attribute__((noinline)) void say_before(uint64_t look, struct tm_recorder_slot slot,
						 struct tm_recorder_side side)
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

/* A reader at any instant sees either nothing or the whole block. */
static inline void slot_set(struct tm_recorder_slot *slot, uint64_t key,
			    uint64_t value)
{
	__atomic_store_n(&slot->value, value, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->key, key, __ATOMIC_RELEASE);
}

struct moved {
	struct tm_recorder_slot slot;
	struct tm_recorder_side side;
};

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

/* Room for one more? `crowded`: the last attempt found none. */
static bool make_room(struct tm_recorder_shard *shard, const struct arena *arena, bool crowded)
{
	uint64_t n = 1ull << shard->log2;

	/* At most three quarters in use: 43 bytes per block, at worst, and half of that
	 * beside them. */
	if (likely(!crowded && shard->log2 && shard->live < n - n / 4))
		return true;
	if (shard->log2 == table()->max_log2)
		return false;
	grow(shard, arena, shard->log2 ? shard->log2 + 1 : TM_SHARD_MIN_LOG2);
	return true;
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

	if (make_room(shard, arena, false))
		slot = find(shard, arena->slots, hash, address, ret_old);
	if (likely(slot))
		return slot;
	if (make_room(shard, arena, true))
		slot = find(shard, arena->slots, hash, address, ret_old);
	return slot;
}

static inline uint64_t weight(uint64_t size)
{
	return unlikely(table()->sample_bytes) ? sample_weight(size) : size;
}

/* Write the block into its place; returns by how much the traced bytes grow. */
static int64_t fill(struct tm_recorder_shard *shard, const struct arena *arena,
		    struct tm_recorder_slot *slot, const struct block *block,
		    struct tm_recorder_side side)
{
	struct tm_recorder_side *beside = &arena->sides[slot - arena->slots];
	const struct tm_recorder_slot absent = { block->address, TM_BEFORE_ABSENT };
	const bool old = slot->key != 0;
	int64_t delta = (int64_t)weight(block->size);
	uint64_t now = look_now();

	if (unlikely(now))
		say_before(now, old ? *slot : absent, *beside);
	if (old) {
		delta -= (int64_t)weight(tm_slot_size(slot));
		__atomic_store_n(&slot->key, TM_SLOT_WRITING, __ATOMIC_RELAXED);
		__atomic_thread_fence(__ATOMIC_RELEASE);
	} else {
		shard->live++;
	}
	*beside = side;
	slot_set(slot, block->address | (block->size >> 32 & 0xffff) << 48,
		 (uint64_t)block->stack << 32 | (uint32_t)block->size);
	return delta;
}

void table_insert(const struct block *block, struct tm_recorder_thread *thread)
{
	const struct place place = place_of(block->address);
	const struct arena arena = arena_of(&place);
	const struct tm_recorder_side side = { block->birth, thread_serial(thread) };
	struct tm_recorder_shard *shard = shard_of(&place);
	struct tm_recorder_slot *slot;
	int64_t delta = 0;
	bool old = false;

	if (block->address > TM_SLOT_ADDRESS || !shard_lock(shard)) {
		count_dropped();
		return;
	}
	slot = find_place(shard, &arena, place.hash, block->address, &old);
	if (likely(slot)) {
		delta = fill(shard, &arena, slot, block, side);
		if (table()->sample_bytes && !old)
			filter_add(block->address);
	}
	shard_unlock(shard);
	if (unlikely(!slot))
		count_dropped();
	else
		count_bytes(thread, delta);
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
	if (known) {
		const uint64_t i = (uint64_t)(slot - arena.slots);

		*ret_old = (struct block){ address, tm_slot_size(slot), tm_slot_stack(slot),
					   arena.sides[i].birth };
		slot_clear(shard, &arena, i);
		if (table()->sample_bytes)
			filter_remove(address);
	}
	shard_unlock(shard);
	if (known)
		count_bytes(thread_slot(), -(int64_t)weight(ret_old->size));
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

void table_hand_on(uint64_t address, uint32_t stack, const struct tm_recorder_thread *thread)
{
	const struct place place = place_of(address);
	const struct arena arena = arena_of(&place);
	const struct tm_recorder_side side = { .thread = thread_serial(thread) };
	struct tm_recorder_shard *shard = shard_of(&place);
	struct tm_recorder_slot *slot;
	bool known = false;

	if (!shard_lock(shard)) {
		count_dropped();
		return;
	}
	slot = shard->log2 ? find(shard, arena.slots, place.hash, address, &known) : NULL;
	if (known)
		fill(shard, &arena, slot,
		     &(struct block){ address, tm_slot_size(slot), stack, side.birth }, side);
	shard_unlock(shard);
}
