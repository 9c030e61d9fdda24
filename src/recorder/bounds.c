/*
 * Where the stack ends that a thread is on: what lies between is there to be read.
 */
#include "recorder.h"

enum { GUESS = 256 << 10, MAIN_STACK = 128 << 20, TCB_REACH = 8 << 20 };
/* Where Go asks for its heap (runtime/malloc.go: mallocinit()). */
enum { GO_SHIFT = 32, GO_MASK = 0xff, GO_HEAP = 0xc0 };

static const struct tm_recorder_range *stack_range(
	const struct tm_recorder_space *s, uint64_t sp)
{
	const struct tm_recorder_range *ranges = table_at(s->stacks);
	size_t at = TM_LOWER_BOUND(s->nstacks, i,
				   ranges[i].address + ranges[i].size <= sp);

	if (at < s->nstacks && ranges[at].address <= sp)
		return &ranges[at];
	return NULL;
}

static bool in_go_heap(const struct tm_recorder_space *s, uint64_t lo, uint64_t hi)
{
	const struct tm_recorder_range *range = stack_range(s, lo);

	return (lo >> GO_SHIFT & GO_MASK) == GO_HEAP && range && lo < hi &&
	       hi - range->address <= range->size;
}

/* g begins with the two ends of its stack (runtime/runtime2.go). */
uint64_t bounds_of_go(const struct tm_recorder_space *s, uint64_t g, uint64_t used)
{
	const uint64_t *ends = (const uint64_t *)g;
	uint64_t lo, hi;

	if (g % sizeof(*ends) || !in_go_heap(s, g, g + 2 * sizeof(*ends)))
		return 0;
	lo = ends[0];
	hi = ends[1];
	if (!in_go_heap(s, lo, hi) || used < sizeof(*ends) || used > hi - lo ||
	    (hi - used) % sizeof(*ends))
		return 0;
	return hi;
}

struct bounds bounds_find(const struct tm_recorder_space *s, uint64_t sp)
{
	const uint64_t tp = cpu_thread_pointer();
	const struct tm_recorder_range *range;

	if (sp < s->main_stack && s->main_stack - sp < MAIN_STACK)
		return (struct bounds){ s->main_stack, true };
	/* Every libc puts the thread's control block at its stack's end. */
	range = sp < tp ? stack_range(s, sp) : NULL;
	if (range && tp - range->address < range->size)
		return (struct bounds){ tp, true };
	/* A thread that started later, or a stack of the program's own: rows
	 * lead from frame to frame, but nothing else is believed. */
	return (struct bounds){ sp >= tp || tp - sp > TCB_REACH ? sp + GUESS : tp, false };
}

struct bounds bounds_of(const struct tm_recorder_space *s, uint64_t sp,
			struct tm_recorder_thread *slot)
{
	const bool own = !slot_shared(slot);
	struct bounds found;

	if (own && sp >= slot->stack_lo && sp < slot->stack_hi)
		return (struct bounds){ slot->stack_hi, true };
	found = bounds_find(s, sp);
	if (own && found.known) {
		slot->stack_hi = 0;
		__asm__ volatile("" ::: "memory");
		slot->stack_lo = sp & ~4095ull;
		__asm__ volatile("" ::: "memory");
		slot->stack_hi = found.limit;
	}
	return found;
}
