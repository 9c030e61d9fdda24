/*
 * Traced memory: one sum, and per thread what has not reached it yet, so that
 * threads do not fight for one cache line. The sum of all is exact; the peak
 * is exact with one thread and else too low by at most COUNT_BATCH per other thread.
 */
#include "recorder.h"

enum { PROBES = 8 };

/* A signal handler that records may come in between: it is the same thread, and one of the
 * two numbers is nobody's. */
SELDOM uint32_t thread_begin(struct tm_recorder_holder *at, int32_t tid)
{
	struct tm_recorder_holder was = *at, now = {
		.serial = __atomic_add_fetch(&table()->last_serial, 1, __ATOMIC_RELAXED),
		.tid = tid > 0 ? (uint32_t)tid : 0,
	};

	__atomic_compare_exchange(at, &was, &now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
	return at->serial;
}

static bool take_place(struct tm_recorder_thread *slot, uint64_t tp)
{
	uint64_t free = 0;

	return __atomic_compare_exchange_n(&slot->owner, &free, tp, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED) || free == tp;
}

SELDOM struct tm_recorder_thread *thread_find(uint64_t tp)
{
	uint64_t at = thread_place(tp);

	for (uint32_t i = 0; i < PROBES; i++, at++) {
		struct tm_recorder_thread *slot;

		at &= TM_RECORDER_THREADS - 1;
		at += at == 0; /* the shared one */
		slot = thread_at(at);
		if (slot->owner == tp || (slot->owner == 0 && take_place(slot, tp)))
			return slot;
	}
	return thread_at(0);
}

/* Move a thread's bytes to the sum. A signal handler that counts in between
 * finds the rest or its own bytes: nothing is counted twice. */
void count_flush(struct tm_recorder_thread *slot)
{
	struct tm_recorder_table *t = table();
	int64_t high = __atomic_exchange_n(&slot->high, 0, __ATOMIC_RELAXED);
	int64_t bytes = __atomic_exchange_n(&slot->bytes, 0, __ATOMIC_RELAXED);
	int64_t before = __atomic_fetch_add(&t->current, bytes, __ATOMIC_RELAXED);

	peak_reached(before + (high > bytes ? high : bytes));
	peak_left(before + bytes);
}

int64_t count_shared(struct tm_recorder_thread *slot, int64_t delta)
{
	const int64_t bytes = delta + __atomic_fetch_add(&slot->bytes, delta, __ATOMIC_RELAXED);

	raise_to(&slot->high, bytes);
	return bytes;
}

/* First what this thread has not moved yet, which was before. */
void count_mapped(int64_t delta)
{
	int64_t current;

	count_flush(thread_slot());
	__atomic_fetch_add(&maps()->bytes, delta, __ATOMIC_RELAXED);
	current = __atomic_load_n(&table()->current, __ATOMIC_RELAXED);
	peak_reached(current);
	peak_left(current);
}

void count_dropped(void)
{
	__atomic_fetch_add(&table()->dropped, 1, __ATOMIC_RELAXED);
}
