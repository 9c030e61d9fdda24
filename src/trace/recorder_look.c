#include "trace/recorder_look.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/guard.h"
#include "base/map.h"

enum {
	WAIT_MS = 300,   /* for a thread that needs a processor to get on */
	BATCH = 1 << 14, /* records read at once */
};

/* ---- the instant ------------------------------------------------------------------ */

/* Whoever is in the middle of a change may write a record. */
static bool all_rest(const struct tm_recorder_shard *shards, struct tm_err *err)
{
	for (uint32_t i = 0; i < TM_RECORDER_SHARDS; i++)
		if (shards[i].seq % 2 != 0)
			return tm_err_set(err, TM_ERR_BUSY, "the recorder's table",
					  "a thread rests in the middle of a change to it");
	return true;
}

bool tm_recorder_look_begin(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			    struct tm_err *err)
{
	copy->nslots = copy->nbefore = 0;
	return tm_recorder_copy_head(copy, mem, at, err) &&
	       (!copy->table.journal_tail || all_rest(copy->shards, err));
}

bool tm_recorder_look_rests(const struct tm_recorder_table *table, struct tm_mem *mem,
			    tm_addr at, struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct tm_recorder_shard *shards =
		tm_malloc(TM_RECORDER_SHARDS * sizeof(*shards));

	return tm_mem_read(mem, at + table->shards, shards,
			   TM_RECORDER_SHARDS * sizeof(*shards), err) && all_rest(shards, err);
}

/* ---- a shard ------------------------------------------------------------------------ */

/* Waits while `goes_on` says so of the shard as it is now; false after a while. */
static bool await(struct tm_mem *mem, tm_addr where, uint64_t seq,
		  bool (*goes_on)(const struct tm_recorder_shard *now, uint64_t seq),
		  struct tm_recorder_shard *ret, struct tm_err *err)
{
	enum { SPINS = 8, WAIT_NS = 50000 };
	uint64_t deadline = tm_now_ns() + WAIT_MS * TM_NS_PER_MS;

	for (unsigned tries = 0;; tries++) {
		if (!tm_mem_read(mem, where, ret, sizeof(*ret), err))
			return false;
		if (!goes_on(ret, seq))
			return true;
		if (tm_now_ns() > deadline)
			return tm_err_set(err, TM_ERR_BUSY, "the recorder's table",
					  "a thread rests in the middle of a change to it");
		if (tries >= SPINS)
			tm_sleep_ns(WAIT_NS);
	}
}

/* A change that was under way at the instant says nothing of what was before: it
 * counts as made, and has to be made before the slots are read. */
static bool is_under_way(const struct tm_recorder_shard *now, uint64_t seq)
{
	return now->moving || (seq % 2 != 0 && now->seq == seq);
}

static bool is_moving(const struct tm_recorder_shard *now, uint64_t seq)
{
	(void)seq;
	return now->moving;
}

/* What grows changes places, and says nothing: read it again then. */
bool tm_recorder_look_shard(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			    uint32_t i, struct tm_err *err)
{
	const tm_addr where = at + copy->table.shards + i * sizeof(copy->shards[0]);
	const uint64_t seq = copy->shards[i].seq;
	size_t before = copy->nslots;
	struct tm_recorder_shard now, after;

	if (!await(mem, where, seq, is_under_way, &now, err))
		return false;
	for (;;) {
		copy->nslots = before;
		copy->shards[i].log2 = now.log2;
		if (!tm_recorder_copy_slots(copy, mem, at, i, err) ||
		    !await(mem, where, seq, is_moving, &after, err))
			return false;
		if (after.log2 == now.log2)
			return true;
		if (after.log2 < now.log2)
			return tm_recorder_damaged(err);
		now = after;
	}
}

/* ---- what has changed since ------------------------------------------------------- */

static bool is_over(const struct tm_recorder_copy *copy, const struct tm_recorder_table *now,
		    struct tm_err *err)
{
	if (now->look != copy->table.look || !now->look)
		return tm_err_set(err, TM_ERR_BUSY, "the recorder's table",
				  "another tmattach reads or clears it");
	if (now->journal_tail > now->journal_room)
		return tm_err_set(err, TM_ERR_LIMIT, "the recorder's table",
				  "it changes faster than can be noted down");
	return now->journal_room == copy->table.journal_room || tm_recorder_damaged(err);
}

/* One that is not written yet is of a change that is not made yet. */
static void keep_records(struct tm_recorder_copy *copy, const struct tm_recorder_before *records,
			 size_t n)
{
	copy->before = tm_grow(copy->before, &copy->before_cap, copy->nbefore + n,
			       sizeof(*copy->before));
	for (size_t i = 0; i < n; i++)
		if (records[i].look == copy->table.look)
			copy->before[copy->nbefore++] = records[i];
}

bool tm_recorder_look_changes(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			      struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct tm_recorder_before *records =
		tm_malloc(BATCH * sizeof(*records));
	struct tm_recorder_table now;
	uint64_t left;

	if (!tm_mem_read(mem, at, &now, sizeof(now), err) || !is_over(copy, &now, err))
		return false;
	at += copy->table.journal;
	for (left = now.journal_tail / sizeof(*records); left > 0;) {
		size_t n = left < BATCH ? left : BATCH;

		if (!tm_mem_read(mem, at, records, n * sizeof(*records), err))
			return false;
		keep_records(copy, records, n);
		at += n * sizeof(*records);
		left -= n;
	}
	return true;
}

/* ---- the end ------------------------------------------------------------------------- */

static uint64_t address_of(const struct tm_recorder_slot *slot)
{
	return slot->key & TM_SLOT_ADDRESS;
}

static void drop_changed(struct tm_recorder_copy *copy, const struct tm_map *changed)
{
	const size_t n = copy->nslots;

	copy->nslots = 0;
	for (size_t i = 0; i < n; i++)
		if (tm_map_get(changed, address_of(&copy->slots[i])) == TM_MAP_NONE)
			tm_recorder_copy_add(copy, &copy->slots[i], &copy->sides[i]);
}

void tm_recorder_look_end(struct tm_recorder_copy *copy)
{
	struct tm_map changed = { 0 };
	size_t first = 0;

	for (size_t i = 0; i < copy->nbefore; i++) {
		uint32_t *at = tm_map_put(&changed, address_of(&copy->before[i].slot));

		if (*at == TM_MAP_NONE)
			copy->before[first++] = copy->before[i];
		*at = 0;
	}
	if (first > 0)
		drop_changed(copy, &changed);
	tm_map_free(&changed);
	tm_recorder_copy_room(copy, first);
	for (size_t i = 0; i < first; i++)
		if (copy->before[i].slot.value != TM_BEFORE_ABSENT &&
		    copy->before[i].slot.key > TM_SLOT_WRITING)
			tm_recorder_copy_add(copy, &copy->before[i].slot, &copy->before[i].side);
	copy->nbefore = 0;
}
