/*
 * Traced memory: one sum, and per thread what has not reached it yet, so that
 * threads do not fight for one cache line. The sum of all is exact; the peak
 * is exact with one thread and else too low by at most BATCH per other thread.
 */
#include "recorder.h"

enum { BATCH = 64 << 10, PROBES = 8 };

static inline uint32_t *serial_of(const struct tm_recorder_thread *slot)
{
	return (uint32_t *)table_at(table()->serials) + (slot - thread_at(0));
}

uint32_t thread_serial(const struct tm_recorder_thread *slot)
{
	return *serial_of(slot);
}

static bool take_place(struct tm_recorder_thread *slot, uint64_t tp)
{
	uint64_t free = 0;

	if (!__atomic_compare_exchange_n(&slot->owner, &free, tp, false, __ATOMIC_RELAXED,
					 __ATOMIC_RELAXED))
		return free == tp;
	*serial_of(slot) = __atomic_add_fetch(&table()->last_serial, 1, __ATOMIC_RELAXED);
	return true;
}

static __attribute__((noinline)) struct tm_recorder_thread *find_slot(uint64_t tp)
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

struct tm_recorder_thread *thread_slot(void)
{
	uint64_t tp = cpu_thread_pointer();
	struct tm_recorder_thread *slot = thread_at(thread_place(tp));

	return likely(slot->owner == tp) ? slot : find_slot(tp);
}

/* Move a thread's bytes to the sum. A signal handler that counts in between
 * finds the rest or its own bytes: nothing is counted twice. */
static __attribute__((noinline)) void flush(struct tm_recorder_thread *slot)
{
	struct tm_recorder_table *t = table();
	int64_t high = __atomic_exchange_n(&slot->high, 0, __ATOMIC_RELAXED);
	int64_t bytes = __atomic_exchange_n(&slot->bytes, 0, __ATOMIC_RELAXED);
	int64_t before = __atomic_fetch_add(&t->current, bytes, __ATOMIC_RELAXED);

	peak_reached(before + (high > bytes ? high : bytes));
	peak_left(before + bytes);
}

void count_bytes(struct tm_recorder_thread *slot, int64_t delta)
{
	int64_t bytes = delta;

	if (slot_shared(slot)) {
		bytes += __atomic_fetch_add(&slot->bytes, delta, __ATOMIC_RELAXED);
		raise_to(&slot->high, bytes);
	} else {
		bytes += CPU_ADD(slot->bytes, delta);
		if (bytes > slot->high)
			slot->high = bytes;
	}
	if (unlikely(bytes > BATCH || bytes < -BATCH))
		flush(slot);
}

/* First what this thread has not moved yet, which was before. */
void count_mapped(int64_t delta)
{
	int64_t current;

	flush(thread_slot());
	__atomic_fetch_add(&maps()->bytes, delta, __ATOMIC_RELAXED);
	current = __atomic_load_n(&table()->current, __ATOMIC_RELAXED);
	peak_reached(current);
	peak_left(current);
}

void count_dropped(void)
{
	__atomic_fetch_add(&table()->dropped, 1, __ATOMIC_RELAXED);
}
