/*
 * The functions that stand before the allocator's own. Each gets the
 * arguments of the function it stands for, and in the sixth argument register,
 * which none of these functions uses, how to call the original; registers
 * that a variant of the function may use are handed through.
 *
 * Order: a block is recorded after the allocator has given it out and
 * forgotten before it is taken back, because between the two another thread
 * may get the same address. What only passes through leaves no frame behind.
 */
#include "recorder.h"

typedef const struct tm_recorder_entry entry_t;
typedef uint64_t (*call_t)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

#define HOOK __attribute__((used, noinline)) static uint64_t
#define ORIGINAL(entry) ((call_t)(entry)->original)
/* Only in a hook itself: %rbp points to the saved %rbp and return address. */
#define CALLER() caller_of(__builtin_frame_address(0))

static inline struct frame caller_of(const uint64_t *at)
{
	return (struct frame){
		.bp = at[0],
		.pc = at[1],
		.sp = (uint64_t)(at + 2),
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
static inline void record_if(uint64_t address, uint64_t size, struct frame caller)
{
	if (likely(address && enabled()))
		record_or_pass(address, size, caller);
}

HOOK tm_hook_malloc(uint64_t size, uint64_t b, uint64_t c, uint64_t d,
		    uint64_t e, entry_t *entry)
{
	uint64_t got;

	if (!enabled())
		return ORIGINAL(entry)(size, b, c, d, e);
	got = ORIGINAL(entry)(size, b, c, d, e);
	record_if(got, size, CALLER());
	return got;
}

HOOK tm_hook_calloc(uint64_t n, uint64_t size, uint64_t c, uint64_t d,
		    uint64_t e, entry_t *entry)
{
	uint64_t got;

	if (!enabled())
		return ORIGINAL(entry)(n, size, c, d, e);
	got = ORIGINAL(entry)(n, size, c, d, e);
	record_if(got, n * size, CALLER());
	return got;
}

HOOK tm_hook_aligned(uint64_t alignment, uint64_t size, uint64_t c, uint64_t d,
		     uint64_t e, entry_t *entry)
{
	uint64_t got;

	if (!enabled())
		return ORIGINAL(entry)(alignment, size, c, d, e);
	got = ORIGINAL(entry)(alignment, size, c, d, e);
	record_if(got, size, CALLER());
	return got;
}

HOOK tm_hook_posix_memalign(uint64_t *block, uint64_t alignment, uint64_t size,
			    uint64_t d, uint64_t e, entry_t *entry)
{
	uint64_t failed;

	if (!enabled())
		return ORIGINAL(entry)((uint64_t)block, alignment, size, d, e);
	failed = ORIGINAL(entry)((uint64_t)block, alignment, size, d, e);
	if ((int)failed == 0)
		record_if(*block, size, CALLER());
	return failed;
}

/* What happened to the old block decides which record stays. realloc(p, 0)
 * that returns nothing has freed it in every allocator that does so. */
static inline void record_moved(uint64_t got, uint64_t size, bool known,
				const struct block *old, struct frame caller)
{
	struct block inner;

	if (unlikely(!enabled()))
		return;
	/* realloc() may have called malloc() for the new block. */
	if (got && table()->sample_bytes)
		forget(got, &inner);
	if (got)
		record_or_pass(got, size, caller);
	else if (size && known)
		table_insert(old, thread_slot());
}

HOOK tm_hook_realloc(uint64_t block, uint64_t size, uint64_t c, uint64_t d,
		     uint64_t e, entry_t *entry)
{
	struct block old;
	uint64_t got;
	bool known;

	if (!enabled())
		return ORIGINAL(entry)(block, size, c, d, e);
	known = block && forget(block, &old);
	got = ORIGINAL(entry)(block, size, c, d, e);
	record_moved(got, size, known, &old, CALLER());
	return got;
}

HOOK tm_hook_reallocarray(uint64_t block, uint64_t n, uint64_t size, uint64_t d,
			  uint64_t e, entry_t *entry)
{
	struct block old;
	uint64_t got, bytes;
	bool known;

	if (!enabled())
		return ORIGINAL(entry)(block, n, size, d, e);
	known = block && forget(block, &old);
	got = ORIGINAL(entry)(block, n, size, d, e);
	/* A product that overflows fails and leaves the old block alone. */
	if (__builtin_mul_overflow(n, size, &bytes))
		bytes = UINT64_MAX;
	record_moved(got, bytes, known, &old, CALLER());
	return got;
}

HOOK tm_hook_free(uint64_t block, uint64_t b, uint64_t c, uint64_t d,
		  uint64_t e, entry_t *entry)
{
	struct block old;

	if (enabled() && block)
		forget(block, &old);
	return ORIGINAL(entry)(block, b, c, d, e);
}

/*
 * operator new may throw, and nothing can be thrown through our frame. So the
 * variant that returns a null pointer is tried first; if it has none, the
 * original throws, with no frame of ours between.
 */
HOOK tm_hook_new(uint64_t size, uint64_t b, uint64_t c, uint64_t d,
		 uint64_t e, entry_t *entry)
{
	uint64_t got;

	if (!enabled() || !entry->nothrow)
		return ORIGINAL(entry)(size, b, c, d, e);
	got = ((call_t)entry->nothrow)(size, b, c, d, e);
	if (unlikely(!got))
		return ORIGINAL(entry)(size, b, c, d, e);
	record_if(got, size, CALLER());
	return got;
}
