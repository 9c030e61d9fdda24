/*
 * What happens around the calls of the allocator's functions. The hooks that
 * call them are in entry_*.S; what only passes through, free(), is here.
 *
 * Order: a block is recorded after the allocator has given it out and
 * forgotten before it is taken back, because between the two another thread
 * may get the same address. What only passes through leaves no frame behind.
 */
#include "recorder.h"
#include "entry_x86_64.h"

typedef const struct tm_recorder_entry entry_t;
typedef struct tm_recorder_call call_t;

#define HOOK __attribute__((used, noinline, visibility("hidden")))
#define SAME(type, field, offset) \
	_Static_assert(offsetof(struct type, field) == (offset), "entry_*.S")

SAME(tm_recorder_code, gate, CODE_GATE);
SAME(tm_recorder_entry, original, ENTRY_ORIGINAL);
SAME(tm_recorder_entry, nothrow, ENTRY_NOTHROW);
SAME(tm_recorder_call, args, CALL_RDI);
SAME(tm_recorder_call, args[4], CALL_R8);
SAME(tm_recorder_call, not_entry, CALL_ENTRY);
SAME(tm_recorder_call, not_after, CALL_AFTER);
SAME(tm_recorder_call, bp, CALL_RBP);

HOOK uint64_t tm_after_malloc(uint64_t got, call_t *call);
HOOK uint64_t tm_after_calloc(uint64_t got, call_t *call);
HOOK uint64_t tm_after_aligned(uint64_t got, call_t *call);
HOOK uint64_t tm_after_posix_memalign(uint64_t failed, call_t *call);
HOOK void tm_before_move(call_t *call);
HOOK uint64_t tm_after_realloc(uint64_t got, call_t *call);
HOOK uint64_t tm_after_reallocarray(uint64_t got, call_t *call);

static inline struct frame caller_of(const call_t *call)
{
	return (struct frame){
		.bp = call->bp,
		.pc = call->pc,
		.sp = (uint64_t)(call + 1),
	};
}

static __attribute__((noinline)) void record(uint64_t address, uint64_t size,
					     const struct frame *caller,
					     struct tm_recorder_thread *slot)
{
	struct block block = { .address = address, .size = size };

	table_expect(address);
	block.stack = unwind(caller, table()->nframe, slot);
	table_insert(&block, slot);
}

/* Forget a block before it is taken back; true if it was known. When sampling
 * most are not, which shows without a look at the table. */
static inline bool forget(uint64_t address, struct block *ret_old)
{
	return table_may_know(address) && table_remove(address, ret_old);
}

/* A block that is not among the sampled. Allocators that call each other
 * would give one block two chances: the outermost call decides. */
static inline void pass_over(uint64_t address)
{
	struct block inner;

	if (head()->nnear > 1)
		forget(address, &inner);
}

static inline void record_or_pass(uint64_t address, uint64_t size,
				  struct frame caller)
{
	struct tm_recorder_thread *slot = thread_slot();

	if (table()->sample_bytes && likely(!sample_takes(slot, size)))
		pass_over(address);
	else
		record(address, size, &caller, slot);
}

/* The original may have forked (a signal handler): ask again. */
static inline void record_if(uint64_t address, uint64_t size, const call_t *call)
{
	if (likely(address && enabled()))
		record_or_pass(address, size, caller_of(call));
}

uint64_t tm_after_malloc(uint64_t got, call_t *call)
{
	record_if(got, call->args[0], call);
	return got;
}

uint64_t tm_after_calloc(uint64_t got, call_t *call)
{
	record_if(got, call->args[0] * call->args[1], call);
	return got;
}

uint64_t tm_after_aligned(uint64_t got, call_t *call)
{
	record_if(got, call->args[1], call);
	return got;
}

uint64_t tm_after_posix_memalign(uint64_t failed, call_t *call)
{
	if ((int)failed == 0)
		record_if(*(const uint64_t *)call->args[0], call->args[2], call);
	return failed;
}

void tm_before_move(call_t *call)
{
	struct block old = { 0 };

	call->epoch = table()->epoch;
	call->known = call->args[0] && forget(call->args[0], &old);
	call->old_size = old.size;
	call->old_stack = old.stack;
}

/* The old block is still there; its stack may have been cleared meanwhile. */
static void put_back(const call_t *call)
{
	const struct block old = {
		.address = call->args[0],
		.size = call->old_size,
		.stack = call->old_stack,
	};

	if (call->known && call->epoch == table()->epoch)
		table_insert(&old, thread_slot());
}

/* What happened to the old block decides which record stays. realloc(p, 0)
 * that returns nothing has freed it in every allocator that does so. */
static inline void record_moved(uint64_t got, uint64_t size, const call_t *call)
{
	struct block inner;

	if (unlikely(!enabled()))
		return;
	/* realloc() may have called malloc() for the new block. */
	if (got && table()->sample_bytes)
		forget(got, &inner);
	if (got)
		record_or_pass(got, size, caller_of(call));
	else if (size)
		put_back(call);
}

uint64_t tm_after_realloc(uint64_t got, call_t *call)
{
	record_moved(got, call->args[1], call);
	return got;
}

uint64_t tm_after_reallocarray(uint64_t got, call_t *call)
{
	uint64_t size;

	/* A product that overflows fails and leaves the old block alone. */
	if (__builtin_mul_overflow(call->args[1], call->args[2], &size))
		size = UINT64_MAX;
	record_moved(got, size, call);
	return got;
}

__attribute__((used, noinline)) static uint64_t
tm_hook_free(uint64_t block, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
	     entry_t *entry)
{
	typedef uint64_t (*original_t)(uint64_t, uint64_t, uint64_t, uint64_t,
				       uint64_t);
	struct block old;

	if (enabled() && block)
		forget(block, &old);
	return ((original_t)entry->original)(block, b, c, d, e);
}
