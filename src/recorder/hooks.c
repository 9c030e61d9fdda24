/*
 * What happens around the calls of the allocator's functions. The hooks that
 * call this are in entry.S.
 *
 * Order: a block is recorded after the allocator has given it out and
 * forgotten before it is taken back, because between the two another thread
 * may get the same address.
 */
#include "recorder.h"

typedef struct tm_recorder_call call_t;

#define CALLED KEEPS __attribute__((used, visibility("hidden")))

CALLED void tm_enter(const call_t *call);
CALLED void tm_entered_for_nothing(const call_t *call);
CALLED void tm_after_malloc(const call_t *call);
CALLED void tm_after_calloc(const call_t *call);
CALLED void tm_after_aligned(const call_t *call);
CALLED void tm_after_posix_memalign(const call_t *call);
CALLED void tm_before_move(call_t *call);
CALLED void tm_after_realloc(const call_t *call);
CALLED void tm_after_reallocarray(const call_t *call);
CALLED void tm_before_free(const struct tm_recorder_freeing *freeing);
CALLED void tm_loader_changed(void);

/* ---- allocators that call each other ----------------------------------------- */

/*
 * A block that an allocator takes from another one while it makes a block is part
 * of that: what the program asked for counts, once. So a thread notes the
 * outermost call that it is in. A signal handler that allocates may come in
 * between: it does not call from the allocator's own file.
 *
 * A call that is left in another way than by returning (longjmp()) leaves its
 * note. It is believed only of a call on the same stack that is still there: the
 * return address that belongs to it, and what it was called with.
 */
static bool is_still_there(const call_t *outer)
{
	const uint64_t entry = ~outer->not_entry;

	if (((const uint64_t *)outer)[-1] != (uint64_t)head() + head()->rest)
		return false;
	for (uint32_t i = 0; i < head()->nnear; i++)
		if (entry - head()->near[i].address < head()->near[i].size)
			return true;
	return false;
}

static bool is_within(const struct tm_recorder_thread *slot, const call_t *call)
{
	const uint64_t outer = slot->inside;

	return outer > (uint64_t)call && outer >= slot->stack_lo && outer < slot->stack_hi &&
	       is_still_there((const call_t *)outer);
}

/* Only asked of calls within another. */
static bool is_called_by_outer(const struct tm_recorder_thread *slot, const call_t *call)
{
	const call_t *outer = (const call_t *)slot->inside;
	const struct tm_recorder_patch *patch =
		(const struct tm_recorder_patch *)~outer->not_entry;

	_Static_assert(offsetof(struct tm_recorder_patch, entry) == 0, "patch");
	return rows_same_file(call->pc - 1, patch->function);
}

/* Has CPython's raw allocator called for a block that its own hooks see to? */
static inline bool is_noted(const struct tm_recorder_thread *slot, const call_t *call)
{
	return slot->inside - (uint64_t)&call->pc < TM_PY_NOTE_REACH &&
	       table()->python.flags & TM_PY_WITH_C && !slot_shared(slot);
}

/* Asked once, when the call is done. */
static inline bool is_pythons(const call_t *call)
{
	struct tm_recorder_thread *slot = thread_slot();

	if (likely(!is_noted(slot, call)))
		return false;
	slot->inside = 0;
	return true;
}

void tm_enter(const call_t *call)
{
	struct tm_recorder_thread *slot = thread_slot();
	const struct tm_recorder_space *space = rows_space();

	if (is_noted(slot, call))
		return;
	if (head()->nallocators > 1 && space && !slot_shared(slot) && !is_within(slot, call) &&
	    bounds_of(space, (uint64_t)call, slot).known)
		slot->inside = (uint64_t)call;
}

void tm_entered_for_nothing(const call_t *call)
{
	struct tm_recorder_thread *slot;

	if (!enabled())
		return;
	slot = thread_slot();
	if (slot->inside == (uint64_t)call)
		slot->inside = 0;
}

/* Has another allocator called for this? Asked once, when the call is done. */
static bool is_inner(const call_t *call)
{
	struct tm_recorder_thread *slot = thread_slot();

	if (head()->nallocators <= 1 || !slot->inside)
		return false;
	if (slot->inside != (uint64_t)call)
		return is_within(slot, call) && is_called_by_outer(slot, call);
	slot->inside = 0;
	return false;
}

bool is_noted_inner(const call_t *call)
{
	struct tm_recorder_thread *slot = thread_slot();

	return head()->nallocators > 1 && !slot_shared(slot) && slot->inside &&
	       is_within(slot, call) && is_called_by_outer(slot, call);
}

/*
 * free() keeps no frame of ours, but may map memory for its allocator: glibc makes the arena
 * of a thread that frees before it allocates. So where mappings count it is noted where the
 * last one returns to. Another function that is called from there stands at the same
 * place on the stack only if it is called by the same instruction, as a pointer; it would
 * have to be the allocator's own to be taken for that.
 */
static SELDOM void note_free(const struct tm_recorder_freeing *freeing)
{
	struct tm_recorder_thread *slot = thread_slot();

	if (slot_shared(slot))
		return;
	slot->freeing = (uint64_t)&freeing->pc;
	slot->freeing_pc = freeing->pc;
}

static bool frees(const struct tm_recorder_patch *patch)
{
	return patch->kind == TM_HOOK_FREE;
}

static bool is_of_who_frees(uint64_t pc)
{
	for (uint32_t i = 0; i < head()->nnear; i++) {
		const struct tm_recorder_near *near =
			(const struct tm_recorder_near *)head()->near[i].address;

		for (uint32_t k = 0; k < near->npatches; k++)
			if (frees(&near->patches[k]) &&
			    rows_same_file(pc - 1, near->patches[k].function))
				return true;
	}
	return false;
}

bool is_freeing(const struct tm_recorder_thread *slot, const struct frame *at, uint64_t inner)
{
	return inner && slot->freeing && at->sp == slot->freeing + sizeof(slot->freeing_pc) &&
	       at->pc == slot->freeing_pc && !slot_shared(slot) && is_of_who_frees(inner);
}

/* ---- after and before the calls ------------------------------------------------ */

static KEEPS void forget_known(uint64_t address)
{
	struct block old;

	table_remove(address, &old);
}

/* Forget a block before it is taken back. When sampling most are not known,
 * which shows without a look at the table. */
static inline void forget(uint64_t address)
{
	if (table_may_know(address))
		forget_known(address);
}

static KEEPS void record(uint64_t address, uint64_t size, const call_t *call)
{
	struct tm_recorder_thread *slot = thread_slot();
	const struct frame caller = caller_of(call);
	struct block block = { .address = address, .size = size };

	if (table()->sample_bytes && !sample_takes(slot, size)) {
		forget(address);
		return;
	}
	table_expect(address);
	if (unlikely(table()->python.merge))
		block.stack = python_stack(TM_PY_OF_C, &caller, slot);
	else
		block.stack = unwind(&caller, table()->nframe, slot);
	table_insert(&block, slot);
}

/* The original may have forked (a signal handler), or recording has been stopped
 * meanwhile and there is no table any more: ask again, before all else. */
static inline void record_if(uint64_t address, uint64_t size, const call_t *call)
{
	if (likely(enabled() && !is_pythons(call) && !is_inner(call) && address))
		record(address, size, call);
}

void tm_after_malloc(const call_t *call)
{
	record_if(call->left_result, call->args[0], call);
}

void tm_after_calloc(const call_t *call)
{
	record_if(call->left_result, call->args[0] * call->args[1], call);
}

void tm_after_aligned(const call_t *call)
{
	record_if(call->left_result, call->args[1], call);
}

void tm_after_posix_memalign(const call_t *call)
{
	const bool given = (int)call->left_result == 0;

	record_if(given ? *(const uint64_t *)call->args[0] : 0, call->args[2], call);
}

void tm_before_move(call_t *call)
{
	const uint64_t address = call->args[0];
	struct block old = { 0 };

	call->epoch = (uint32_t)table()->epoch;
	call->known = address && table_may_know(address) && table_remove(address, &old);
	call->old_size = old.size;
	call->old_stack = old.stack;
	call->old_birth = old.birth;
}

/* The old block is still there; its stack may have been cleared meanwhile. */
static KEEPS void put_back(const call_t *call)
{
	const struct block old = {
		.address = call->args[0],
		.size = call->old_size,
		.stack = call->old_stack,
		.birth = call->old_birth,
	};

	if (call->known && call->epoch == (uint32_t)table()->epoch)
		table_insert(&old, thread_slot());
}

/* What happened to the old block decides which record stays. realloc(p, 0)
 * that returns nothing has freed it in every allocator that does so. */
static inline void record_moved(uint64_t size, const call_t *call)
{
	const uint64_t got = call->left_result;

	if (unlikely(!enabled() || is_pythons(call) || is_inner(call)))
		return;
	/* realloc() may have called malloc() for the new block. */
	if (got && table()->sample_bytes)
		forget(got);
	if (got)
		record(got, size, call);
	else if (size)
		put_back(call);
}

void tm_after_realloc(const call_t *call)
{
	record_moved(call->args[1], call);
}

void tm_after_reallocarray(const call_t *call)
{
	uint64_t size;

	/* A product that overflows fails and leaves the old block alone. */
	if (__builtin_mul_overflow(call->args[1], call->args[2], &size))
		size = UINT64_MAX;
	record_moved(size, call);
}

void tm_before_free(const struct tm_recorder_freeing *freeing)
{
	struct block old;

	if (unlikely(head()->notes_frees))
		note_free(freeing);
	if (freeing->block)
		table_remove(freeing->block, &old);
}

void tm_loader_changed(void)
{
	if (enabled())
		loader_look();
}
