/*
 * Mappings: what mmap(), munmap(), mremap() and brk() do to the address space.
 *
 * As with blocks, what goes is forgotten before the call, because another thread may get
 * the place as soon as the kernel has it, and what comes is recorded after it.
 *
 * An allocator that is hooked maps memory for its blocks, which are recorded: those calls
 * do not count. They are told by their stack, on which the allocator's call has a frame of
 * ours; a free() has none, and is noted (hooks.c).
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
	PAGE = 4096, MAX_INNER = 64, MAPS_FEW = 32,
};

static inline bool is_on(void)
{
	return enabled() && maps_are_on();
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
	uint64_t inner = 0;

	if (!s)
		return true;
	w.stack = bounds_of(s, w.at.sp, slot);
	for (int i = 0; w.at.pc; i++) {
		if (!w.signals && (w.at.pc - (uint64_t)head() < head()->size ||
				   is_freeing(slot, &w.at, inner)))
			return false;
		inner = w.at.pc;
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
static void mapping_replace(const struct tm_recorder_mapping *what, bool known)
{
	struct tm_recorder_mapping was;

	if (known)
		age_look_at_clock();
	if (!maps_lock(maps()))
		return;
	mapping_cut(maps(), what->start, what->end, &was);
	if (known)
		mapping_put(maps(), *what);
	maps_unlock(maps());
}

void tm_after_mmap(const call_t *call)
{
	struct tm_recorder_mapping what = {
		.start = call->left_result, .end = call->left_result + round_up(call->args[1]),
		.of_file = !(CPU_FOURTH(call) & ANONYMOUS),
	};
	bool known;

	if (!is_on() || !is_address(what.start) || what.end <= what.start)
		return;
	known = is_memory(CPU_FOURTH(call)) && counts(call, &what.stack);
	mapping_replace(&what, known);
}

/* ---- munmap, and mremap: what goes may come back if the call fails -------------------- */

/* The part of the first is noted in the call; what the low bits of old_size, which
 * addresses of pages have free, say besides: */
enum { EPOCH = PAGE / 2 - 1, OF_FILE = PAGE / 2 };

static void note_mapping(call_t *call, const struct tm_recorder_mapping *was)
{
	call->old_size = was->start | (table()->epoch & EPOCH) | (was->of_file ? OF_FILE : 0);
	call->left_first = was->end;
	call->old_stack = was->stack;
	call->old_birth = was->birth;
}

static struct tm_recorder_mapping noted_mapping(const call_t *call, uint64_t end)
{
	return (struct tm_recorder_mapping){
		.start = call->old_size & ~(uint64_t)(PAGE - 1), .end = end,
		.stack = call->old_stack, .birth = call->old_birth,
		.of_file = (call->old_size & OF_FILE) != 0,
	};
}

static void mapping_take_out(call_t *call, uint64_t start, uint64_t end)
{
	struct tm_recorder_mapping was = { 0 };

	call->known = 0;
	if (start % PAGE || end <= start || !maps_lock(maps()))
		return;
	call->known = mapping_cut(maps(), start, end, &was);
	maps_unlock(maps());
	note_mapping(call, &was);
}

static bool same_epoch(const call_t *call)
{
	return (call->old_size & EPOCH) == (table()->epoch & EPOCH);
}

static void mapping_put_back(const call_t *call, uint64_t end)
{
	const struct tm_recorder_mapping old = noted_mapping(call, end);
	struct tm_recorder_mapping was;

	/* Of others it is not known any more. */
	for (uint32_t i = 1; i < call->known; i++)
		count_dropped();
	if (!call->known || !same_epoch(call) || !maps_lock(maps()))
		return;
	mapping_cut(maps(), old.start, old.end, &was);
	mapping_put(maps(), old);
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

/* It stays, and is only looked at. */
static void mapping_look(call_t *call, uint64_t at)
{
	const struct tm_recorder_mapping *found;

	if (!maps_lock(maps()))
		return;
	found = mapping_find(maps(), at);
	call->known = found != NULL;
	if (found)
		note_mapping(call, found);
	maps_unlock(maps());
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
		mapping_look(call, old);
	call->epoch = (uint32_t)((call->left_first - old) / PAGE);
}

void tm_after_mremap(const call_t *call)
{
	struct tm_recorder_mapping what = {
		.start = call->left_result, .end = call->left_result + round_up(call->args[2]),
		.of_file = (call->old_size & OF_FILE) != 0,
	};
	const bool moved = call->args[1] && !(CPU_FOURTH(call) & DONT_UNMAP);
	bool known;

	if (!is_on())
		return;
	if (!is_address(what.start) || what.end <= what.start) {
		if (moved)
			mapping_put_back(call, call->args[0] + (uint64_t)call->epoch * PAGE);
		return;
	}
	known = call->known && counts(call, &what.stack);
	mapping_replace(&what, known);
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
	struct tm_recorder_mapping what = { .end = end };
	bool known;

	if (!is_on() || (int)call->left_result != 0 || !end)
		return;
	known = end > maps()->brk && maps()->brk && counts(call, &what.stack);
	if (known)
		age_look_at_clock();
	if (!maps_lock(maps()))
		return;
	if (end > maps()->brk && maps()->brk)
		mapping_cut(maps(), maps()->brk, end, &was);
	what.start = maps()->brk;
	if (known)
		mapping_put(maps(), what);
	maps()->brk = end;
	maps_unlock(maps());
}
