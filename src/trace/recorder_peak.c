#include "trace/recorder_peak.h"

#include "base/alloc.h"
#include "base/guard.h"
#include "base/map.h"
#include "trace/recorder_maps.h"

enum { BATCH = 1 << 13 }; /* records read at once */

static bool passed(struct tm_err *err)
{
	return tm_err_set(err, TM_ERR_BUSY, "the recorder's table",
			  "its peak is just being made");
}

/* Who is in the middle of a change may have to note something down yet. */
static bool rests(const struct tm_recorder_copy *copy, struct tm_err *err)
{
	for (uint32_t i = 0; i < TM_RECORDER_SHARDS; i++)
		if (copy->shards[i].seq % 2 != 0)
			return tm_err_set(err, TM_ERR_BUSY, "the recorder's table",
					  "a thread rests in the middle of a change to it");
	return true;
}

/* How many there are to read of this peak; `claimed` of them were there at the instant. */
static uint64_t extent(const struct tm_recorder_table *now, uint32_t peak, uint64_t claimed)
{
	const uint64_t n = now->freed_tail >> 32 == peak ? (uint32_t)now->freed_tail : 0;
	const uint64_t most = n > claimed ? n : claimed;

	return most < now->freed_room ? most : now->freed_room;
}

/* Those from number `first` on. One that is not of this peak has been overwritten; or it is
 * just being written, of a block that the copy has. */
static void keep(struct tm_recorder_copy *copy, const struct tm_recorder_freed *records,
		 uint64_t first, size_t n, uint64_t claimed)
{
	const uint32_t peak = tm_recorder_at_peak(copy->table.ages);

	copy->freed = tm_grow(copy->freed, &copy->freed_cap, copy->nfreed + n,
			      sizeof(*copy->freed));
	for (size_t i = 0; i < n; i++)
		if (records[i].peak == peak && records[i].side.birth <= peak &&
		    records[i].slot.key > TM_SLOT_WRITING)
			copy->freed[copy->nfreed++] = records[i];
		else if (first + i < claimed)
			copy->missing++;
}

static bool read_all(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
		     uint64_t end, uint64_t claimed, struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct tm_recorder_freed *records =
		tm_malloc(BATCH * sizeof(*records));
	size_t n;

	at += copy->table.freed;
	for (uint64_t first = 0; first < end; first += n) {
		n = end - first < BATCH ? end - first : BATCH;
		if (!tm_mem_read(mem, at + first * sizeof(*records), records,
				 n * sizeof(*records), err))
			return false;
		keep(copy, records, first, n, claimed);
	}
	return true;
}

bool tm_recorder_peak_read(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			   bool running, struct tm_err *err)
{
	const uint32_t peak = tm_recorder_at_peak(copy->table.ages);
	const uint64_t claimed = copy->table.freed_tail >> 32 == peak
		? (uint32_t)copy->table.freed_tail : 0;
	struct tm_recorder_table now, after;

	copy->nfreed = 0;
	copy->missing = claimed > copy->table.freed_room ? claimed - copy->table.freed_room : 0;
	if (!copy->at_peak)
		return true;
	if (tm_recorder_generation(copy->table.ages) == UINT32_MAX)
		return tm_err_set(err, TM_ERR_LIMIT, "the recorder's table",
				  "it has seen too many peaks");
	if (!running && !rests(copy, err))
		return false;
	if (!tm_mem_read(mem, at, &now, sizeof(now), err))
		return false;
	now.freed_room = copy->table.freed_room;
	if (!read_all(copy, mem, at, peak ? extent(&now, peak, claimed) : 0, claimed, err) ||
	    !tm_mem_read(mem, at, &after, sizeof(after), err))
		return false;
	return !peak || tm_recorder_at_peak(after.ages) == peak || passed(err);
}

void tm_recorder_peak_apply(struct tm_recorder_copy *copy)
{
	const uint32_t peak = tm_recorder_at_peak(copy->table.ages);
	const size_t n = copy->nslots;
	struct tm_map there = { 0 };

	if (!copy->at_peak || !peak)
		return;
	tm_recorder_maps_at_peak(copy, peak);
	copy->nslots = 0;
	for (size_t i = 0; i < n; i++) {
		if (copy->sides[i].birth > peak)
			continue;
		*tm_map_put(&there, copy->slots[i].key & TM_SLOT_ADDRESS) = 0;
		tm_recorder_copy_add(copy, &copy->slots[i], &copy->sides[i]);
	}
	tm_recorder_copy_room(copy, copy->nfreed);
	for (size_t i = 0; i < copy->nfreed; i++) {
		uint32_t *at;

		if (copy->freed[i].kind != TM_FREED_BLOCK)
			continue;
		at = tm_map_put(&there, copy->freed[i].slot.key & TM_SLOT_ADDRESS);
		if (*at == TM_MAP_NONE)
			tm_recorder_copy_add(copy, &copy->freed[i].slot, &copy->freed[i].side);
		*at = 0;
	}
	tm_map_free(&there);
}
