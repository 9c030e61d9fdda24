/*
 * The recorder: runs inside a foreign process, in the middle of its calls of
 * malloc and free. It uses no libc, no thread-local storage, no system call,
 * no SIMD register and no writable data of its own; whatever it keeps is in
 * the table. It never waits for ever and never fails: what cannot be recorded
 * is counted.
 */
#ifndef TM_RECORDER_RECORDER_H
#define TM_RECORDER_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tmattach/recorder_abi.h"

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

/* What %fs:0 holds on x86-64 in every libc: its own address, one per thread. */
static inline uint64_t thread_pointer(void)
{
	uint64_t tp;

	__asm__("mov %%fs:0, %0" : "=r"(tp));
	return tp;
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
	uint64_t bp;
};

/* Where the table keeps an address. */
struct place {
	uint64_t hash;
	uint32_t shard;
};

struct block {
	uint64_t address;
	uint64_t size;
	uint32_t stack;
};

/* counters.c */
/* The slot of this thread; the shared one if there is no other. */
struct tm_recorder_thread *thread_slot(void);
/* Is it the shared one? Then it has no thread's state. */
static inline bool slot_shared(const struct tm_recorder_thread *slot)
{
	return slot->owner == 0;
}
void count_bytes(struct tm_recorder_thread *slot, int64_t delta);
void count_dropped(void);

/* table.c */
/* This block is about to be looked for: fetch its slot. */
void table_expect(uint64_t address);
/* Record a block; an older record of the same address is replaced. */
void table_insert(const struct block *block, struct tm_recorder_thread *slot);
/* False: no such block is in it. */
bool table_may_know(uint64_t address);
/* Forget a block; false if it was not known. *ret_old gets what was known. */
bool table_remove(uint64_t address, struct block *ret_old);

/* stack.c */
/* The id of these frames, most recent first; 0 if there is no room. */
uint32_t stack_intern(const uint64_t *pcs, uint32_t n, bool more);

/* rows.c */
/* What is known of the address space; NULL: nothing yet. */
const struct tm_recorder_space *rows_space(void);
/* The row for the code at `pc` (recorder_abi.h); TM_ROW_NONE: there is none. */
uint32_t row_for(const struct tm_recorder_space *space, uint64_t pc);

/* unwind.c */
/* The id of the stack of at most `max` frames that starts with the caller. */
uint32_t unwind(const struct frame *start, uint32_t max,
		struct tm_recorder_thread *slot);

/* sample.c */
/* Is this block one of those that stand for all? */
bool sample_takes(struct tm_recorder_thread *slot, uint64_t size);
/* How many bytes a sampled block of `size` bytes stands for. */
uint64_t sample_weight(uint64_t size);
/* Sampled blocks by hash, so that most calls of free() can be told at once. */
bool filter_may_know(const struct place *place);
void filter_add(const struct place *place);
void filter_remove(const struct place *place);

#endif
