/*
 * The list of mappings: struct tm_recorder_maps. In order, under a lock; each change is
 * a system call's, of which there are few.
 */
#include "recorder.h"

enum { MAPS_SPINS = 1 << 22 };

/* A signal handler that interrupted the holder in its own thread must not wait. */
bool maps_lock(struct tm_recorder_maps *m)
{
	const uint64_t me = cpu_thread_pointer() | 1;

	for (uint32_t i = 0; i < MAPS_SPINS; i++) {
		uint64_t seen = 0;

		if (__atomic_compare_exchange_n(&m->lock, &seen, me, false, __ATOMIC_ACQUIRE,
						__ATOMIC_RELAXED))
			return true;
		if (seen == me)
			break;
		cpu_pause();
	}
	count_dropped();
	return false;
}

void maps_unlock(struct tm_recorder_maps *m)
{
	__atomic_store_n(&m->lock, 0, __ATOMIC_RELEASE);
}

/* ---- the peak -------------------------------------------------------------------- */

static int64_t counted(const struct tm_recorder_mapping *piece)
{
	return piece->of_file ? 0 : (int64_t)(piece->end - piece->start);
}

/* As with a block, said before and after its bytes go. Who reads waits for the lock. */
static void mapping_lose(const struct tm_recorder_mapping *piece)
{
	const uint32_t noted = peak_loses_mapping(piece, 0);

	count_mapped(-counted(piece));
	peak_loses_mapping(piece, noted);
}

/* ---- the list -------------------------------------------------------------------- */

/* The first that ends behind `at`. */
static uint32_t mapping_at(const struct tm_recorder_maps *m, uint64_t at)
{
	return (uint32_t)TM_LOWER_BOUND(m->n, i, m->items[i].end <= at);
}

const struct tm_recorder_mapping *mapping_find(const struct tm_recorder_maps *m, uint64_t at)
{
	const uint32_t i = mapping_at(m, at);

	return i < m->n && m->items[i].start <= at ? &m->items[i] : NULL;
}

static void mappings_remove(struct tm_recorder_maps *m, uint32_t from, uint32_t to)
{
	for (uint32_t i = to; i < m->n; i++)
		m->items[i - (to - from)] = m->items[i];
	m->n -= to - from;
}

static bool mapping_insert(struct tm_recorder_maps *m, uint32_t at,
			   const struct tm_recorder_mapping *what)
{
	if (m->n == TM_RECORDER_MAPPINGS) {
		count_dropped();
		return false;
	}
	for (uint32_t i = m->n++; i > at; i--)
		m->items[i] = m->items[i - 1];
	m->items[at] = *what;
	return true;
}

/* [start, end) out of the one at `i`, which has a part of it. How many are left of that: 0
 * to 2. *ret_was: what has gone. */
static uint32_t cut_one(struct tm_recorder_maps *m, uint32_t i, uint64_t start, uint64_t end,
			struct tm_recorder_mapping *ret_was)
{
	struct tm_recorder_mapping was = m->items[i], rest = was;
	uint32_t left = 0;

	if (was.start < start) {
		m->items[i].end = was.start = start;
		left++;
	}
	if (was.end > end) {
		rest.start = was.end = end;
		if (left == 0)
			m->items[i] = rest;
		if (left == 0 || mapping_insert(m, i + left, &rest))
			left++;
		else
			mapping_lose(&rest);
	}
	if (left == 0)
		mappings_remove(m, i, i + 1);
	mapping_lose(&was);
	*ret_was = was;
	return left;
}

uint32_t mapping_cut(struct tm_recorder_maps *m, uint64_t start, uint64_t end,
		     struct tm_recorder_mapping *ret_was)
{
	uint32_t i = mapping_at(m, start), n = 0;
	struct tm_recorder_mapping was;

	for (; i < m->n && m->items[i].start < end; n++) {
		i += cut_one(m, i, start, end, &was);
		if (n == 0)
			*ret_was = was;
	}
	return n;
}

void mapping_put(struct tm_recorder_maps *m, struct tm_recorder_mapping what)
{
	if (what.start >= what.end)
		return;
	if (!what.birth)
		what.birth = age_birth();
	if (mapping_insert(m, mapping_at(m, what.start), &what))
		count_mapped(counted(&what));
}
