/*
 * The recorder: runs inside a foreign process, in the middle of its calls of
 * malloc and free. It uses no libc, no thread-local storage, no system call,
 * no SIMD register and no writable data of its own; whatever it keeps is in
 * the table, and a countdown in the gate's page. It never waits for ever and never fails: what cannot be recorded
 * is counted.
 */
#ifndef TM_RECORDER_RECORDER_H
#define TM_RECORDER_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/recorder.h"
#include "base/search.h"
#include "recorder/abi.h"

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* The first bytes of the image. tmattach writes the addresses into it before
 * the first hook runs, so the compiler must not know what is in it; it may keep
 * what it has read. */
extern const volatile struct tm_recorder_code tm_code;

static inline const struct tm_recorder_code *head(void)
{
	const struct tm_recorder_code *at = (const struct tm_recorder_code *)&tm_code;

	__asm__("" : "+r"(at));
	return at;
}

static inline struct tm_recorder_table *table(void)
{
	return (struct tm_recorder_table *)head()->table;
}

static inline void *table_at(uint64_t offset)
{
	return (void *)(head()->table + offset);
}

static inline bool enabled(void)
{
	const volatile struct tm_recorder_gate *gate =
		(const volatile struct tm_recorder_gate *)head()->gate;

	return gate->enabled != 0;
}

static inline uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93u;
	return x ^ x >> 32;
}

/* The registers of the caller of a hooked function. */
struct frame {
	uint64_t pc; /* return address */
	uint64_t sp; /* behind the return address */
	uint64_t fp;
};

/* The caller of a function that a hook has called. */
static inline struct frame caller_of(const struct tm_recorder_call *call)
{
	return (struct frame){
		.fp = call->fp,
		.pc = call->pc,
		.sp = (uint64_t)(call + 1),
	};
}

/* Where the table keeps an address. */
struct place {
	uint64_t hash;
	uint32_t shard;
};

struct block {
	uint64_t address;
	uint64_t size;
	uint32_t stack;
	uint32_t birth; /* 0: now */
};

/*
 * What hooks call (entry.S), and what is seldom called from there. On the way
 * that most calls go only a few registers are in use and have to be saved; so
 * the others are saved only then.
 */
#define KEEPS __attribute__((noinline)) CPU_KEEPS

/* Seldom called from where each recorded call comes by: not put in place there, which
 * would take room of every stack. */
#define SELDOM __attribute__((noinline))

/* counters.c */
static inline struct tm_recorder_thread *thread_at(uint64_t i)
{
	return (struct tm_recorder_thread *)table_at(table()->threads) + i;
}

static inline uint64_t thread_place(uint64_t tp)
{
	return tp * TM_RECORDER_THREAD_FACTOR >> TM_RECORDER_THREAD_SHIFT;
}

struct tm_recorder_thread *thread_find(uint64_t tp);

/* The slot of this thread; the shared one if there is no other. */
static inline struct tm_recorder_thread *thread_slot(void)
{
	uint64_t tp = cpu_thread_pointer();
	struct tm_recorder_thread *slot = thread_at(thread_place(tp));

	return likely(slot->owner == tp) ? slot : thread_find(tp);
}

/* Is it the shared one? Then it has no thread's state. */
static inline bool slot_shared(const struct tm_recorder_thread *slot)
{
	return slot->owner == 0;
}
void count_dropped(void);
/* So much more is mapped, or less. */
void count_mapped(int64_t delta);

/* Bytes that a thread counts by itself before it moves them to the sum. */
enum { COUNT_BATCH = 64 << 10 };

SELDOM void count_flush(struct tm_recorder_thread *slot);
int64_t count_shared(struct tm_recorder_thread *slot, int64_t delta);

static inline void count_bytes(struct tm_recorder_thread *slot, int64_t delta)
{
	int64_t bytes;

	if (unlikely(slot_shared(slot))) {
		bytes = count_shared(slot, delta);
	} else {
		bytes = delta + CPU_ADD(slot->bytes, delta);
		if (bytes > slot->high)
			slot->high = bytes;
	}
	if (unlikely(bytes > COUNT_BATCH || bytes < -COUNT_BATCH))
		count_flush(slot);
}

/* As the C library has noted it when the thread began; 0, or less, at some moments of its
 * end and where it is not known. */
static inline int32_t thread_tid(const struct tm_recorder_thread *slot)
{
	const uint32_t at = table()->tid_at;

	return at ? *(const volatile int32_t *)(slot->owner + at) : 0;
}

/* Another thread than all before has this place now. */
SELDOM uint32_t thread_begin(struct tm_recorder_holder *at, int32_t tid);

/* The number of this thread, which has this place; 0: it is shared. The C library gives the
 * stack of a thread that has ended to one that begins, and with it the thread pointer. */
static inline uint32_t thread_serial(const struct tm_recorder_thread *slot)
{
	struct tm_recorder_holder *at =
		(struct tm_recorder_holder *)table_at(table()->holders) + (slot - thread_at(0));
	int32_t tid;

	if (unlikely(slot_shared(slot)))
		return 0;
	tid = thread_tid(slot);
	return likely(at->serial && (tid <= 0 || at->tid == (uint32_t)tid))
		? at->serial : thread_begin(at, tid);
}

static inline void raise_to(int64_t *at, int64_t value)
{
	int64_t now = __atomic_load_n(at, __ATOMIC_RELAXED);

	while (value > now &&
	       !__atomic_compare_exchange_n(at, &now, value, true,
					    __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

/* entry.S: call this function of the vDSO, so that a thread which is there is known to
 * come back. */
int tm_ask_clock(int clock, void *ret, uint64_t function);

/* ages.c */
/* Does a new generation begin? Asked before a block gets its birth. */
void age_look_at_clock(void);
uint32_t age_birth(void);
/* So many bytes are traced, or were a moment ago. */
void peak_reached(int64_t bytes);
void peak_left(int64_t bytes);
/*
 * This block goes: first said before its slot is cleared, with `noted` 0, and again, with
 * what that has returned, when its bytes are counted: they may be what ends a peak. Whoever
 * reads finds the block in the slot, or else noted.
 */
uint32_t peak_loses(const struct tm_recorder_slot *slot, const struct tm_recorder_side *side,
		    uint32_t noted);

/* The same of a mapping, or a piece of one. */
uint32_t peak_loses_mapping(const struct tm_recorder_mapping *piece, uint32_t noted);

/* maps_list.c: mappings (--maps) */
static inline struct tm_recorder_maps *maps(void)
{
	return table_at(table()->maps);
}

static inline bool maps_are_on(void)
{
	return table()->maps && maps()->on;
}

/* False: it is not free. What is below is done with the lock held. */
bool maps_lock(struct tm_recorder_maps *m);
void maps_unlock(struct tm_recorder_maps *m);
/* The mapping that holds `at`; NULL: none is known. */
const struct tm_recorder_mapping *mapping_find(const struct tm_recorder_maps *m, uint64_t at);
/* Cut a piece out. How many mappings it was of; *ret_was: the part of the first. */
uint32_t mapping_cut(struct tm_recorder_maps *m, uint64_t start, uint64_t end,
		     struct tm_recorder_mapping *ret_was);
/* Where nothing is; of an empty one nothing happens. `birth` 0: now. */
void mapping_put(struct tm_recorder_maps *m, struct tm_recorder_mapping what);

/* table.c */
/* This block is about to be looked for: fetch its slot. */
void table_expect(uint64_t address);
/* Record a block; an older record of the same address is replaced. */
void table_insert(const struct block *block, struct tm_recorder_thread *slot);
/* Forget a block; false if it was not known. *ret_old gets what was known. */
bool table_remove(uint64_t address, struct block *ret_old);
/* Is it certain that there is no such block? No lock is taken to find out. */
bool table_misses(uint64_t address);
/* It is another's from now on, who has this stack. Nothing happens if it is not known. */
void table_hand_on(uint64_t address, uint32_t stack, const struct tm_recorder_thread *slot);

/* stack.c */
/* The id of these frames, most recent first; 0 if there is no room. */
uint32_t stack_intern(const uint64_t *pcs, uint32_t n, enum tm_recorder_more more,
		      uint32_t domain);
/* The same for a thread that keeps the ids of its recent stacks: 1 << TM_PY_RECENT_LOG2
 * words, each with the hash in its upper half. */
uint32_t stack_intern_again(uint64_t *recent, const uint64_t *pcs, uint32_t n,
			    enum tm_recorder_more more, uint32_t domain);

/* loader.c: modules that come and go */
static inline struct tm_recorder_loader *loader(void)
{
	return table_at(table()->loader);
}

/* May what is at `pc` be of a module that came after the start, or went? */
static inline bool loader_asks(const struct tm_recorder_loader *l, uint64_t pc)
{
	return unlikely(pc < __atomic_load_n(&l->hi, __ATOMIC_RELAXED)) &&
	       pc >= __atomic_load_n(&l->lo, __ATOMIC_RELAXED);
}

static inline uint32_t loader_changes(void)
{
	return __atomic_load_n(&table()->changes, __ATOMIC_ACQUIRE);
}

/* The module that has the code at `pc` now; NULL: none is known. */
SELDOM const struct tm_recorder_loaded *loader_find(const struct tm_recorder_loader *l, uint64_t pc);
/* The loader's list may have changed. */
void loader_look(void);
/* A return address as it stands in a stack: with the number of its module. */
SELDOM uint64_t loader_word(const struct tm_recorder_loader *l, uint64_t pc);

/* cfi.c */
/* The row for the code at `pc`, of this module's copy of its unwind tables. */
SELDOM uint32_t cfi_row(const struct tm_recorder_loaded *module, uint64_t pc);

/* hooks.c */
/* Where calls of allocators are noted: does one serve another one, by whose file it is
 * called? */
bool is_noted_inner(const struct tm_recorder_call *call);
/* Has the code before `inner` been called in the free() that returns to this frame? */
bool is_freeing(const struct tm_recorder_thread *slot, const struct frame *at, uint64_t inner);

/* rows.c */
/* What is known of the address space; NULL: nothing yet. */
const struct tm_recorder_space *rows_space(void);
/* Is the code at both addresses of one file? */
bool rows_same_file(uint64_t pc, uint64_t other);
/* The row for the code at `pc` (abi.h); TM_ROW_NONE: there is none. */
uint32_t row_for(const struct tm_recorder_space *space, uint64_t pc);

/* bounds.c */
struct bounds {
	uint64_t limit; /* reads stay below it */
	bool known;     /* it is a stack's end, not a guess */
};

struct bounds bounds_find(const struct tm_recorder_space *space, uint64_t sp);
/* The end of the stack of this g of Go's, of which so many bytes are in use; 0: it is none.
 * Only memory of Go's heap is looked at, as it was when tmattach looked: Go unmaps none. */
uint64_t bounds_of_go(const struct tm_recorder_space *space, uint64_t g, uint64_t used);
/* The same for this thread. The end of the stack that it was on last serves until it
 * leaves it: slot->stack_lo and stack_hi. */
struct bounds bounds_of(const struct tm_recorder_space *space, uint64_t sp,
			struct tm_recorder_thread *slot);

/* unwind.c */
struct walk {
	struct frame at;
	struct bounds stack;
	uint64_t fp_at;  /* where at.fp was read, as in tm_recorder_step */
	int signals;
};

/* To the caller. False: it was not found, or there is none: then at.pc is 0. */
bool walk_step(const struct tm_recorder_space *space, struct walk *walk);

/* Modules have come or gone: an address alone does not say whose it is. */
KEEPS void add_modules(uint64_t *pcs, uint32_t n);
/* The id of the stack of at most `max` frames that starts with the caller. */
uint32_t unwind(const struct frame *start, uint32_t max,
		struct tm_recorder_thread *slot);

/* python_codes.c */
/* The id of what a code object says; 0 if there is no room. */
uint32_t code_id(uint64_t code);
/* Exact mode: this block of the obj domain ends, which may be a code object. */
void code_ends(uint64_t address);
/* co_firsttraceable, 0 where there is none. */
int32_t code_first_traceable(uint64_t code);

/* python_state.c */
/* The PyThreadState of this thread; 0: it has none. */
uint64_t python_state(enum tm_recorder_py_domain domain);

/* python_frames.c */
/* The id of the stack of the functions that called for a block of this domain: of
 * Python, and where they are to be merged of C, from `caller` on. */
uint32_t python_stack(enum tm_recorder_py_domain domain, const struct frame *caller,
		      struct tm_recorder_thread *slot);

/* sample.c */
/* Is this block one of those that stand for all? Most are not, which a hook tells
 * before it calls anything (entry.S). */
bool sample_takes(struct tm_recorder_thread *slot, uint64_t size);

/* How many bytes a sampled block of `size` bytes stands for. */
uint64_t sample_weight(uint64_t size);

static inline struct place place_of(uint64_t address)
{
	uint64_t hash = tm_recorder_hash(address);

	return (struct place){
		hash, tm_recorder_shard_of(address, hash, table()->region_mask),
	};
}

/* Counters of the sampled blocks by where they are, so that most calls of free()
 * can be told at once: what a program frees together mostly stood together. */
static inline uint8_t *filter_at(uint64_t address)
{
	return (uint8_t *)table_at(table()->filter) + tm_recorder_filter_place(address);
}

void filter_add(uint64_t address);
void filter_remove(uint64_t address);

/* False: no such block is in the table, which has only sampled ones. */
static inline bool filter_may_know(uint64_t address)
{
	return *(const volatile uint8_t *)filter_at(address) != 0;
}

static inline bool table_may_know(uint64_t address)
{
	return !table()->sample_bytes || filter_may_know(address);
}

#endif
