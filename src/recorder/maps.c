/*
 * Mappings: what mmap(), munmap(), mremap() and brk() do to the address space.
 *
 * As with blocks, what goes is forgotten before the call, because another thread may get
 * the place as soon as the kernel has it, and what comes is recorded after it. There are
 * few and each costs a system call, so they are one list in order under a lock.
 *
 * An allocator that is hooked maps memory for its blocks, which are recorded: those calls
 * do not count. They are told by their stack, on which the allocator's call has a frame of
 * ours; a free() has none, but only gives back.
 */
#include "recorder.h"

typedef struct tm_recorder_call call_t;

#define CALLED KEEPS __attribute__((used, visibility("hidden")))

CALLED void tm_after_mmap(const call_t *call);
CALLED void tm_before_munmap(call_t *call);
CALLED void tm_after_munmap(const call_t *call);
CALLED void tm_before_mremap(call_t *call);
CALLED void tm_after_mremap(const call_t *call);
CALLED void tm_before_brk(const call_t *call);
CALLED void tm_after_brk(const call_t *call);

enum {
	/* <linux/mman.h> */
	SHARED = 1, SHARED_VALIDATE = 3, TYPE = 15, ANONYMOUS = 32,
	DONT_UNMAP = 4,
	PAGE = 4096, MAX_INNER = 64, MAPS_FEW = 32, MAPS_SPINS = 1 << 22,
};

static inline struct tm_recorder_maps *maps(void)
{
	return table_at(table()->maps);
}

static inline bool is_on(void)
{
	return enabled() && table()->maps && maps()->on;
}

static uint64_t round_up(uint64_t n)
{
	return (n + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* The functions return -1, and the kernel -errno. */
static bool is_address(uint64_t result)
{
	return result % PAGE == 0 && result <= TM_SLOT_ADDRESS;
}

/* ---- the list ------------------------------------------------------------------ */

/* A signal handler that interrupted the holder in its own thread must not wait. */
static bool maps_lock(struct tm_recorder_maps *m)
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

static void maps_unlock(struct tm_recorder_maps *m)
{
	__atomic_store_n(&m->lock, 0, __ATOMIC_RELEASE);
}

/* The first that ends behind `at`. */
static uint32_t mapping_at(const struct tm_recorder_maps *m, uint64_t at)
{
	return (uint32_t)TM_LOWER_BOUND(m->n, i, m->items[i].end <= at);
}

static void mappings_remove(struct tm_recorder_maps *m, uint32_t from, uint32_t to)
{
	for (uint32_t i = to; i < m->n; i++)
		m->items[i - (to - from)] = m->items[i];
	m->n -= to - from;
}

static void mapping_insert(struct tm_recorder_maps *m, uint32_t at,
		      const struct tm_recorder_mapping *what)
{
	if (m->n == TM_RECORDER_MAPPINGS) {
		count_dropped();
		return;
	}
	for (uint32_t i = m->n++; i > at; i--)
		m->items[i] = m->items[i - 1];
	m->items[at] = *what;
}

/* Cut a piece out. How many mappings it was of; *ret_was: the part of the first. */
static uint32_t mapping_cut(struct tm_recorder_maps *m, uint64_t start, uint64_t end,
		    struct tm_recorder_mapping *ret_was)
{
	uint32_t first = mapping_at(m, start), i = first, whole, n = 0;

	if (first < m->n && m->items[first].start < end) {
		*ret_was = m->items[first];
		if (ret_was->start < start) {
			const struct tm_recorder_mapping rest = { end, ret_was->end,
								  ret_was->stack, 0 };

			m->items[first].end = ret_was->start = start;
			n++;
			i++;
			if (ret_was->end > end)
				mapping_insert(m, i, &rest);
		}
		if (ret_was->end > end)
			ret_was->end = end;
	}
	for (whole = i; whole < m->n && m->items[whole].end <= end; whole++)
		n++;
	mappings_remove(m, i, whole);
	if (i < m->n && m->items[i].start < end) {
		m->items[i].start = end;
		n++;
	}
	return n;
}

static void mapping_put(struct tm_recorder_maps *m, uint64_t start, uint64_t end, uint32_t stack)
{
	const struct tm_recorder_mapping what = { start, end, stack, 0 };

	if (start < end)
		mapping_insert(m, mapping_at(m, start), &what);
}

/* ---- who calls -------------------------------------------------------------------- */

/* A stack as it is walked. */
struct callers {
	uint64_t *pcs;
	uint32_t n, max;
	enum tm_recorder_more more;
};

/* False: it serves a call that has a frame of ours, an allocator's. A signal handler in such
 * a call does not. */
static bool walk_outer(const struct frame *caller, struct tm_recorder_thread *slot,
		       struct callers *ret)
{
	const struct tm_recorder_space *s = rows_space();
	struct walk w = { .at = *caller };

	if (!s)
		return true;
	w.stack = bounds_of(s, w.at.sp, slot);
	for (int i = 0; w.at.pc; i++) {
		if (!w.signals && w.at.pc - (uint64_t)head() < head()->size)
			return false;
		if (ret->n < ret->max)
			ret->pcs[ret->n++] = w.at.pc;
		else
			ret->more = TM_STACK_LIMITED;
		if (i >= MAX_INNER && ret->more == TM_STACK_LIMITED)
			break;
		if (walk_step(s, &w))
			continue;
		if (ret->more == TM_STACK_WHOLE && w.at.pc)
			ret->more = TM_STACK_CUT;
		break;
	}
	return true;
}

/* What cannot be an address may be the last, and has no module. */
static uint32_t intern_callers(const struct callers *c)
{
	uint64_t *last = &c->pcs[c->n - 1];

	if (!c->n)
		return 0;
	if (*last > TM_PC_ADDRESS)
		*last = (*last & TM_PC_ADDRESS) | (uint64_t)TM_PC_NOWHERE << TM_PC_MODULE_SHIFT;
	if (unlikely(table()->changes))
		add_modules(c->pcs, c->n);
	return stack_intern(c->pcs, c->n, c->more, TM_RECORDER_MAPS_DOMAIN);
}

static bool callers_in(const call_t *call, uint64_t *pcs, uint32_t max, uint32_t *ret)
{
	struct callers callers = { .pcs = pcs, .max = max };
	const struct frame caller = caller_of(call);

	/* A libc without unwind tables: its calls are noted (inject/start.c). */
	if (is_noted_inner(call) || !walk_outer(&caller, thread_slot(), &callers))
		return false;
	*ret = intern_callers(&callers);
	return true;
}

/* The program's stack may be small: few frames take little of it. */
static __attribute__((noinline)) bool callers_few(const call_t *call, uint32_t max, uint32_t *ret)
{
	uint64_t pcs[MAPS_FEW];

	return callers_in(call, pcs, max, ret);
}

static __attribute__((noinline)) bool callers_many(const call_t *call, uint32_t max, uint32_t *ret)
{
	uint64_t pcs[TM_RECORDER_MAX_FRAMES];

	return callers_in(call, pcs, max < TM_RECORDER_MAX_FRAMES ? max : TM_RECORDER_MAX_FRAMES,
			  ret);
}

/* True: it counts, and *ret is its stack. */
static bool counts(const call_t *call, uint32_t *ret)
{
	const uint32_t max = table()->nframe;

	return max <= MAPS_FEW ? callers_few(call, max, ret) : callers_many(call, max, ret);
}

/* ---- mmap -------------------------------------------------------------------------- */

static bool is_memory(uint64_t flags)
{
	const uint64_t type = flags & TYPE;

	return flags & ANONYMOUS || type == SHARED || type == SHARED_VALIDATE;
}

/* Over others, or where somebody we have not seen has taken others away. */
static void mapping_replace(uint64_t start, uint64_t end, bool known, uint32_t stack)
{
	struct tm_recorder_mapping was;

	if (!maps_lock(maps()))
		return;
	mapping_cut(maps(), start, end, &was);
	if (known)
		mapping_put(maps(), start, end, stack);
	maps_unlock(maps());
}

void tm_after_mmap(const call_t *call)
{
	const uint64_t start = call->left_result, end = start + round_up(call->args[1]);
	uint32_t stack = 0;
	bool known;

	if (!is_on() || !is_address(start) || end <= start)
		return;
	known = is_memory(CPU_FOURTH(call)) && counts(call, &stack);
	mapping_replace(start, end, known, stack);
}

/* ---- munmap, and mremap: what goes may come back if the call fails -------------------- */

/* The part of the first is noted in the call, with the epoch in the low bits that addresses
 * of pages have free. */
static void mapping_take_out(call_t *call, uint64_t start, uint64_t end)
{
	struct tm_recorder_mapping was = { 0, 0, 0, 0 };

	call->known = 0;
	if (start % PAGE || end <= start || !maps_lock(maps()))
		return;
	call->known = mapping_cut(maps(), start, end, &was);
	maps_unlock(maps());
	call->old_size = was.start | (table()->epoch & (PAGE - 1));
	call->left_first = was.end;
	call->old_stack = was.stack;
}

static bool same_epoch(const call_t *call)
{
	return call->old_size % PAGE == (table()->epoch & (PAGE - 1));
}

static void mapping_put_back(const call_t *call, uint64_t end)
{
	struct tm_recorder_mapping was;

	/* Of others it is not known any more. */
	for (uint32_t i = 1; i < call->known; i++)
		count_dropped();
	if (!call->known || !same_epoch(call) || !maps_lock(maps()))
		return;
	mapping_cut(maps(), call->old_size & ~(uint64_t)(PAGE - 1), end, &was);
	mapping_put(maps(), call->old_size & ~(uint64_t)(PAGE - 1), end, call->old_stack);
	maps_unlock(maps());
}

void tm_before_munmap(call_t *call)
{
	call->known = 0;
	if (is_on())
		mapping_take_out(call, call->args[0], call->args[0] + round_up(call->args[1]));
	call->epoch = (uint32_t)((call->left_first - call->args[0]) / PAGE);
}

void tm_after_munmap(const call_t *call)
{
	if ((int)call->left_result != 0 && is_on())
		mapping_put_back(call, call->args[0] + (uint64_t)call->epoch * PAGE);
}

/* The mapping that holds `at`, if one is known. */
static bool mapping_is_known(uint64_t at)
{
	uint32_t i;
	bool known = false;

	if (!maps_lock(maps()))
		return false;
	i = mapping_at(maps(), at);
	known = i < maps()->n && maps()->items[i].start <= at;
	maps_unlock(maps());
	return known;
}

void tm_before_mremap(call_t *call)
{
	const uint64_t old = call->args[0], size = round_up(call->args[1]);

	call->known = 0;
	call->left_first = old;
	if (!is_on())
		return;
	/* What stays where it is keeps its record. */
	if (size && !(CPU_FOURTH(call) & DONT_UNMAP))
		mapping_take_out(call, old, old + size);
	else
		call->known = mapping_is_known(old);
	call->epoch = (uint32_t)((call->left_first - old) / PAGE);
}

void tm_after_mremap(const call_t *call)
{
	const uint64_t start = call->left_result, end = start + round_up(call->args[2]);
	const bool moved = call->args[1] && !(CPU_FOURTH(call) & DONT_UNMAP);
	uint32_t stack = 0;
	bool known;

	if (!is_on())
		return;
	if (!is_address(start) || end <= start) {
		if (moved)
			mapping_put_back(call, call->args[0] + (uint64_t)call->epoch * PAGE);
		return;
	}
	known = call->known && counts(call, &stack);
	mapping_replace(start, end, known, stack);
}

/* ---- brk, which sbrk() calls ------------------------------------------------------------ */

void tm_before_brk(const call_t *call)
{
	const uint64_t end = round_up(call->args[0]);
	struct tm_recorder_mapping was;

	if (!is_on() || !end || end >= maps()->brk || !maps_lock(maps()))
		return;
	mapping_cut(maps(), end, maps()->brk, &was);
	maps_unlock(maps());
}

void tm_after_brk(const call_t *call)
{
	const uint64_t end = round_up(call->args[0]);
	struct tm_recorder_mapping was;
	uint32_t stack = 0;
	bool known;

	if (!is_on() || (int)call->left_result != 0 || !end)
		return;
	known = end > maps()->brk && maps()->brk && counts(call, &stack);
	if (!maps_lock(maps()))
		return;
	if (end > maps()->brk && maps()->brk)
		mapping_cut(maps(), maps()->brk, end, &was);
	if (known)
		mapping_put(maps(), maps()->brk, end, stack);
	maps()->brk = end;
	maps_unlock(maps());
}
