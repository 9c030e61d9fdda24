#include "trace/recorder_copy.h"

#include <stdlib.h>

#include "base/alloc.h"

enum {
	PIECE = 1 << 16, /* slots read at once */
	ARENA_SLOT = sizeof(struct tm_recorder_slot) + sizeof(struct tm_recorder_side),
};

void tm_recorder_copy_free(struct tm_recorder_copy *copy)
{
	free(copy->slots);
	free(copy->sides);
	copy->slots = NULL;
	copy->sides = NULL;
	free(copy->ages);
	copy->ages = NULL;
	copy->nslots = copy->cap = copy->sides_cap = 0;
	free(copy->mappings);
	copy->mappings = NULL;
	copy->nmappings = 0;
	free(copy->before);
	copy->before = NULL;
	copy->nbefore = copy->before_cap = 0;
	free(copy->freed);
	copy->freed = NULL;
	copy->nfreed = copy->freed_cap = 0;
}

bool tm_recorder_copy_pick(struct tm_recorder_copy *copy, tm_addr address)
{
	for (size_t i = 0; i < copy->nslots; i++) {
		if ((copy->slots[i].key & TM_SLOT_ADDRESS) != address)
			continue;
		copy->slots[0] = copy->slots[i];
		copy->sides[0] = copy->sides[i];
		copy->nslots = 1;
		copy->table.sample_bytes = 0;
		return true;
	}
	return false;
}

bool tm_recorder_damaged(struct tm_err *err)
{
	return tm_err_set(err, TM_ERR_CORRUPT, "the recorder's table",
			  "it contradicts itself");
}

static bool plausible(const struct tm_recorder_table *t)
{
	return t->magic == TM_RECORDER_TABLE_MAGIC &&
	       t->version == TM_RECORDER_VERSION && t->max_log2 <= 30 &&
	       t->size <= TM_SLOT_ADDRESS &&
	       t->arena_size / ARENA_SLOT >= tm_recorder_arena_slots(t->max_log2) &&
	       t->arena_size <= t->size / TM_RECORDER_SHARDS &&
	       tm_recorder_inside(t->shards, sizeof(struct tm_recorder_shard) *
				  TM_RECORDER_SHARDS, t->size) &&
	       tm_recorder_inside(t->threads, sizeof(struct tm_recorder_thread) *
				  TM_RECORDER_THREADS, t->size) &&
	       tm_recorder_inside(t->holders, sizeof(struct tm_recorder_holder) *
				  TM_RECORDER_THREADS, t->size) &&
	       tm_recorder_inside(t->stacks, t->stacks_size, t->size) &&
	       tm_recorder_inside(t->codes, t->codes_size, t->size) &&
	       tm_recorder_inside(t->journal, t->journal_size, t->size) &&
	       t->journal_room <= t->journal_size &&
	       t->times_room <= TM_RECORDER_MAX_TIMES &&
	       t->freed_room <= TM_RECORDER_MAX_FREED &&
	       tm_recorder_inside(t->times, t->times_room * sizeof(struct tm_recorder_time),
				  t->size) &&
	       tm_recorder_inside(t->freed, t->freed_room * sizeof(struct tm_recorder_freed),
				  t->size) &&
	       tm_recorder_inside(t->slots, t->arena_size * TM_RECORDER_SHARDS, t->size);
}

void tm_recorder_copy_room(struct tm_recorder_copy *copy, size_t n)
{
	copy->slots = tm_grow(copy->slots, &copy->cap, copy->nslots + n, sizeof(*copy->slots));
	copy->sides = tm_grow(copy->sides, &copy->sides_cap, copy->nslots + n,
			      sizeof(*copy->sides));
}

/* Keep the slots in use of [from, nslots + n). */
static void keep_live(struct tm_recorder_copy *copy, size_t n)
{
	const struct tm_recorder_slot *slots = copy->slots + copy->nslots;
	const struct tm_recorder_side *sides = copy->sides + copy->nslots;

	for (size_t i = 0; i < n; i++)
		if (slots[i].key > TM_SLOT_WRITING)
			tm_recorder_copy_add(copy, &slots[i], &sides[i]);
}

/* n slots from slot `first` of the arena at `at` on. */
static bool read_piece(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
		       uint64_t first, size_t n, struct tm_err *err)
{
	const tm_addr sides = at + tm_recorder_sides_at(copy->table.max_log2);

	tm_recorder_copy_room(copy, n);
	return tm_mem_read(mem, at + first * sizeof(*copy->slots), copy->slots + copy->nslots,
			   n * sizeof(*copy->slots), err) &&
	       tm_mem_read(mem, sides + first * sizeof(*copy->sides),
			   copy->sides + copy->nslots, n * sizeof(*copy->sides), err);
}

/* Piece by piece: a shard may claim any size, only what is live takes memory. */
bool tm_recorder_copy_slots(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			    uint32_t i, struct tm_err *err)
{
	uint64_t end = 0, n;

	if (copy->shards[i].log2 > copy->table.max_log2)
		return tm_recorder_damaged(err);
	if (copy->shards[i].log2)
		end = (1ull << copy->shards[i].log2) + TM_SHARD_PAD;
	at += copy->table.slots + i * copy->table.arena_size;
	for (uint64_t first = 0; first < end; first += n) {
		n = end - first < PIECE ? end - first : PIECE;
		if (!read_piece(copy, mem, at, first, n, err))
			return false;
		keep_live(copy, n);
	}
	return true;
}

bool tm_recorder_copy_head(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			   struct tm_err *err)
{
	return tm_mem_read(mem, at, &copy->table, sizeof(copy->table), err) &&
	       (plausible(&copy->table) || tm_recorder_damaged(err)) &&
	       tm_mem_read(mem, at + copy->table.shards, copy->shards,
			   sizeof(copy->shards), err) &&
	       tm_mem_read(mem, at + copy->table.threads, copy->threads,
			   sizeof(copy->threads), err) &&
	       tm_mem_read(mem, at + copy->table.holders, copy->holders,
			   sizeof(copy->holders), err);
}

bool tm_recorder_copy_take(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			   struct tm_err *err)
{
	copy->nslots = 0;
	if (!tm_recorder_copy_head(copy, mem, at, err))
		return false;
	for (uint32_t i = 0; i < TM_RECORDER_SHARDS; i++)
		if (copy->shards[i].moving)
			return tm_err_set(err, TM_ERR_BUSY, "the recorder's table",
					  "a part of it is being rearranged");
	for (uint32_t i = 0; i < TM_RECORDER_SHARDS; i++)
		if (!tm_recorder_copy_slots(copy, mem, at, i, err))
			return false;
	return true;
}
