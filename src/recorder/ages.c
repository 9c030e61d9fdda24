/*
 * Generations of blocks, and what was freed since the peak (struct tm_recorder_time in
 * abi.h).
 *
 * `ages` changes by compare and exchange: who decides by an old one finds that out, and
 * decides anew. A thread that is held for long between two steps, or never comes back,
 * holds up nobody.
 */
#include "recorder.h"

enum {
	SECOND = 1000000000,
	COARSE = 6,       /* CLOCK_MONOTONIC_COARSE: reads memory, and calls nobody */
	SPARE = 16,       /* parts of the times' room; see step() */
};

static inline uint64_t ages_now(void)
{
	return __atomic_load_n(&table()->ages, __ATOMIC_ACQUIRE);
}

static inline bool ages_change(uint64_t *from, uint64_t to)
{
	return __atomic_compare_exchange_n(&table()->ages, from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

/* ---- by time --------------------------------------------------------------------- */

static inline struct tm_recorder_time *time_at(uint64_t i)
{
	return (struct tm_recorder_time *)table_at(table()->times) + i;
}

/* A second; in a recording of many hours a fixed part of it, so that there is room for
 * its next years, too. */
static uint64_t step(uint64_t now)
{
	const uint64_t parts = table()->times_room / SPARE;
	const uint64_t first = table()->ntimes ? time_at(0)->ns : now;
	const uint64_t part = parts && now > first ? (now - first) / parts : 0;

	return part > SECOND ? part : SECOND;
}

static void note_time(uint32_t birth, uint64_t now)
{
	const uint64_t i = __atomic_fetch_add(&table()->ntimes, 1, __ATOMIC_RELAXED);

	if (i >= table()->times_room)
		return;
	time_at(i)->ns = now;
	__atomic_store_n(&time_at(i)->birth, birth, __ATOMIC_RELEASE);
}

static SELDOM void begin_next(uint64_t now)
{
	uint64_t due = __atomic_load_n(&table()->next_time, __ATOMIC_RELAXED);
	uint64_t ages = ages_now();

	if (now < due || !__atomic_compare_exchange_n(&table()->next_time, &due, now + step(now),
						      false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	do {
		if (tm_recorder_generation(ages) == UINT32_MAX)
			return;
	} while (!ages_change(&ages, ages + 1));
	note_time(tm_recorder_generation(ages) + 1, now);
}

void age_look_at_clock(void)
{
	struct { int64_t s, ns; } at;
	uint64_t now;

	if (unlikely(!head()->clock))
		return;
	tm_ask_clock(COARSE, &at, head()->clock);
	now = (uint64_t)at.s * SECOND + (uint64_t)at.ns;
	if (unlikely(now >= __atomic_load_n(&table()->next_time, __ATOMIC_RELAXED)))
		begin_next(now);
}

uint32_t age_birth(void)
{
	return tm_recorder_generation(ages_now());
}

/* ---- the peak ---------------------------------------------------------------------- */

/* The bytes that count for the peak, where so many are traced, and the highest there were:
 * table->peak is of blocks alone. */
static inline int64_t *peak_of(int64_t *bytes)
{
	if (likely(!maps_are_on()))
		return &table()->peak;
	*bytes += __atomic_load_n(&maps()->bytes, __ATOMIC_RELAXED);
	return &maps()->peak;
}

/* The old peak goes before the new one stands. If it is not the old one any more, the
 * new one may have been passed meanwhile. */
void peak_reached(int64_t bytes)
{
	uint64_t ages = ages_now();
	int64_t *peak;

	if (unlikely(maps_are_on()))
		raise_to(&table()->peak, bytes);
	peak = peak_of(&bytes);
	while (bytes > __atomic_load_n(peak, __ATOMIC_RELAXED)) {
		if (tm_recorder_at_peak(ages) &&
		    !ages_change(&ages, tm_recorder_generation(ages)))
			continue;
		raise_to(peak, bytes);
	}
}

/* What is noted from now on is of this peak. */
static void begin_notes(uint32_t peak)
{
	uint64_t tail = __atomic_load_n(&table()->freed_tail, __ATOMIC_RELAXED);

	while (tail >> 32 != peak &&
	       !__atomic_compare_exchange_n(&table()->freed_tail, &tail, (uint64_t)peak << 32,
					    false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void peak_left(int64_t bytes)
{
	const int64_t *peak = peak_of(&bytes);
	uint64_t ages = ages_now();

	while (!tm_recorder_at_peak(ages) && tm_recorder_generation(ages) != UINT32_MAX &&
	       bytes < __atomic_load_n(peak, __ATOMIC_RELAXED)) {
		const uint32_t now = tm_recorder_generation(ages);

		begin_notes(now);
		if (ages_change(&ages, (uint64_t)now << 32 | (now + 1)))
			return;
	}
}

/* A thread that was held since another peak may come now: its block counts for the one
 * that the place is of. In between the place is of none. */
static SELDOM void note_freed(const struct tm_recorder_slot *slot,
			      const struct tm_recorder_side *side, uint32_t kind)
{
	struct tm_recorder_table *t = table();
	struct tm_recorder_freed *freed;
	uint64_t at = __atomic_load_n(&t->freed_tail, __ATOMIC_RELAXED);

	if ((uint32_t)at > UINT32_MAX / 2) /* nobody counts so far */
		return;
	at = __atomic_fetch_add(&t->freed_tail, 1, __ATOMIC_RELAXED);
	if ((uint32_t)at >= t->freed_room)
		return;
	freed = (struct tm_recorder_freed *)table_at(t->freed) + (uint32_t)at;
	__atomic_store_n(&freed->peak, 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	freed->slot = *slot;
	freed->side = *side;
	freed->kind = kind;
	__atomic_store_n(&freed->peak, (uint32_t)(at >> 32), __ATOMIC_RELEASE);
}

static inline uint32_t loses(const struct tm_recorder_slot *slot,
			     const struct tm_recorder_side *side, uint32_t kind, uint32_t noted)
{
	const uint32_t peak = tm_recorder_at_peak(ages_now());

	if (unlikely(peak != noted && side->birth <= peak))
		note_freed(slot, side, kind);
	return peak;
}

uint32_t peak_loses(const struct tm_recorder_slot *slot, const struct tm_recorder_side *side,
		    uint32_t noted)
{
	return loses(slot, side, TM_FREED_BLOCK, noted);
}

uint32_t peak_loses_mapping(const struct tm_recorder_mapping *piece, uint32_t noted)
{
	const struct tm_recorder_slot slot =
		tm_slot_of(piece->start, piece->end - piece->start, piece->stack);
	const struct tm_recorder_side side = { .birth = piece->birth };

	return loses(&slot, &side, piece->of_file ? TM_FREED_OF_FILE : TM_FREED_MAPPING, noted);
}
