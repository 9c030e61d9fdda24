/*
 * What the recorder inside a target and tmattach outside of it share: the
 * only header both sides include, with its parts abi_ages.h, abi_code.h, abi_unwind.h, abi_loader.h
 * and abi_python.h.
 * Fixed-width fields, no pointers (addresses are those of the target, offsets
 * count from the start of the table), little-endian.
 *
 * Three mappings make a recorder:
 *  - code:  a memfd named TM_RECORDER_CODE_NAME, mapped read and execute. It
 *           starts with struct tm_recorder_code. Others, named
 *           TM_RECORDER_NEAR_NAME, lie within reach of the functions that are
 *           patched.
 *  - table: a memfd named TM_RECORDER_TABLE_NAME, mapped shared, not inherited
 *           by fork(). It starts with struct tm_recorder_table.
 *  - gate:  one private page behind the code, read as zeroes by a forked child.
 *           Its first word says whether anything is recorded; behind it is
 *           what hooks count that look at nothing else.
 */
#ifndef TM_RECORDER_ABI_H
#define TM_RECORDER_ABI_H

#include <stdint.h>

#include "recorder/abi_loader.h"
#include "recorder/abi_maps.h"
#include "recorder/abi_python.h"
#include "recorder/abi_unwind.h"

#define TM_RECORDER_CODE_NAME "tmattach-code"
#define TM_RECORDER_NEAR_NAME "tmattach-near"
#define TM_RECORDER_TABLE_NAME "tmattach-table"

enum {
	TM_RECORDER_VERSION = 12,
	TM_RECORDER_CODE_MAGIC = 0x43636d74,  /* "tmcC" */
	TM_RECORDER_NEAR_MAGIC = 0x4e636d74,  /* "tmcN" */
	TM_RECORDER_TABLE_MAGIC = 0x54636d74, /* "tmcT" */

	TM_RECORDER_MAX_FRAMES = 128,
	TM_RECORDER_MAX_NEAR = 16,
	TM_RECORDER_SHARDS_LOG2 = 10,
	TM_RECORDER_SHARDS = 1 << TM_RECORDER_SHARDS_LOG2,
	TM_RECORDER_REGION_LOG2 = 26,
	TM_RECORDER_REGION_SHARDS_LOG2 = 6,
	TM_RECORDER_THREADS = 1024,
	TM_RECORDER_BUCKETS_LOG2 = 20,
	TM_RECORDER_CACHE_LOG2 = 16,
	TM_RECORDER_FILTER_LOG2 = 19,
	TM_RECORDER_MAX_TIMES = 1 << 20,
	TM_RECORDER_MAX_FREED = 4 << 20,

	TM_RECORDER_C_DOMAIN = 67, /* of stacks: TM_DOMAIN_C in tmattach/model.h */
};

#include "recorder/abi_code.h"

/* ---- the table --------------------------------------------------------------- */

/*
 * A live block. `key` is 0 (free), 1 (being written) or the address in bits
 * 0-47 and bits 32-47 of the size above it; `value` is the stack id in bits
 * 32-63 and bits 0-31 of the size. The key is written last and cleared first,
 * so that a slot is whole at every instant.
 */
struct tm_recorder_slot {
	uint64_t key;
	uint64_t value;
};

enum { TM_SLOT_WRITING = 1 };

/* What else is known of a block, at the place of its slot's number behind all slots of
 * the arena (tm_recorder_sides_at()). Written before the key. */
struct tm_recorder_side {
	uint32_t birth;  /* its generation; 0: unknown */
	uint32_t thread; /* serial number of who asked for it; 0: unknown */
};

/*
 * A shard owns slots [0, (1 << log2) + TM_SHARD_PAD) of its arena: linear
 * probing without wrapping around. The TM_SHARD_PAD slots behind the largest
 * size hold what is on the move while the shard grows. While `moving` is 1
 * blocks may stand in two slots or in none.
 */
enum { TM_SHARD_PAD = 64, TM_SHARD_MIN_LOG2 = 8 };

struct tm_recorder_shard {
	uint64_t lock;   /* thread pointer | 1 of the holder; 0: free */
	uint64_t seq;    /* odd while held */
	uint32_t log2;   /* 0: no slots yet */
	uint32_t moving;
	uint64_t live;   /* blocks in it */
	uint64_t reserved[4];
};

/*
 * While tmattach reads the table of a running process, a look, whoever changes a slot
 * first says here what was in it. `look` is written last. The first record of an
 * address says what it was at the instant when the look began; whatever has none
 * is as it was. What moves within its shard counts as changed, but for a shard that
 * grows: that has to be read anew.
 */
struct tm_recorder_before {
	uint64_t look;
	struct tm_recorder_slot slot;
	struct tm_recorder_side side;
};

/* `value` of an address that was not there; no stack has such an id. */
#define TM_BEFORE_ABSENT UINT64_MAX

#include "recorder/abi_ages.h"

/* Totals of one thread, or of several that came one after the other; thread
 * 0 is shared by those that found no place. */
struct tm_recorder_thread {
	uint64_t owner;    /* thread pointer; 0: free */
	int64_t bytes;     /* not yet in table.current; may be negative */
	int64_t high;      /* highest `bytes` since it was last moved there */
	union {
		int64_t countdown;   /* bytes until the next sample */
		uint64_t freeing_pc; /* --maps: where the last free() was called from, */
	};
	union {
		uint64_t random;
		uint64_t freeing; /* and where on the stack that stands */
		uint64_t made; /* exact mode: the block of obj that it got last,
				  until an object is in it */
	};
	uint64_t stack_lo, stack_hi; /* the stack it was last seen on */
	uint64_t inside;   /* the struct tm_recorder_call that it is in, if one
			      allocator may call another; see TM_PY_WITH_C, too */
};

/*
 * Which thread has a place of `threads`, as of the last block that it has recorded. Both are
 * written at once.
 */
struct tm_recorder_holder {
	uint32_t serial; /* whoever comes is another than all before; 0: nobody yet */
	uint32_t tid;    /* as it knows itself; 0: unknown */
} __attribute__((aligned(8)));

/* ---- the gate -------------------------------------------------------------- */

struct tm_recorder_gate {
	uint32_t enabled;
	/* TM_PY_PROMOTE, written by who holds the GIL: a countdown for all, and
	 * the block that realloc() of mem or obj has decided about. Once several GILs
	 * were seen, which is for good, threads count by themselves, and the countdown
	 * is kept negative. */
	uint32_t many_gils;
	uint64_t moving;
	uint64_t first_gil; /* address; 0: none was seen yet */
	struct tm_recorder_thread gil __attribute__((aligned(64)));
};

/* In its page, for tmattach: what system calls read. */
enum { TM_RECORDER_GATE_SCRATCH = 2048 };

/* ---- stacks ------------------------------------------------------------------ */

/*
 * An interned stack: id = offset in the stack area / 8; id 0 means unknown.
 * Written once, valid until the epoch changes. pcs[0] is the most recent
 * return address (one more than the address where a signal interrupted), with
 * the number of a module above it (abi_loader.h).
 */
struct tm_recorder_stack {
	uint32_t next;   /* id of the next in the bucket */
	uint32_t hash;
	uint32_t domain;
	uint16_t n;
	uint16_t more;   /* enum tm_recorder_more */
	uint64_t pcs[];
};

/* Are there older frames than a stack has? */
enum tm_recorder_more {
	TM_STACK_WHOLE,
	TM_STACK_LIMITED, /* there are more than nframe */
	TM_STACK_CUT,     /* unwinding ended early, for want of a row */
};

/* ---- the table's head ----------------------------------------------------------- */

struct tm_recorder_table {
	/* Set up by tmattach; only read by the recorder. */
	uint32_t version;
	uint32_t magic;
	uint64_t size;
	uint64_t start_time;   /* of the process, clock ticks after boot */
	uint64_t epoch;        /* counts clear() */
	uint64_t shards;       /* offsets: struct tm_recorder_shard[] */
	uint64_t threads;      /* struct tm_recorder_thread[] */
	uint64_t buckets;      /* uint32_t stack ids */
	uint64_t cache;        /* uint64_t: rows by pc */
	uint64_t filter;       /* uint8_t: sampled blocks by place */
	uint64_t memos;        /* struct tm_recorder_memo[], as threads */
	uint64_t slots;        /* arenas of the shards */
	uint64_t stacks;
	uint64_t stacks_size;
	uint64_t unwind;       /* rows and spaces */
	uint64_t unwind_size;
	uint64_t arena_size;   /* bytes of one arena */
	uint32_t max_log2;     /* largest `log2` of a shard */
	uint32_t nframe;
	uint32_t region_mask;  /* see tm_recorder_shard_of() */
	uint32_t domain;
	uint64_t sample_bytes; /* 0: every block */
	uint64_t space;        /* offset of the struct tm_recorder_space; 0: none */
	uint64_t unwind_tail;  /* used by tmattach: next free byte */
	uint64_t seed;         /* of what is drawn by chance */
	uint64_t codes;        /* struct tm_recorder_py_record */
	uint64_t codes_size;
	uint64_t code_buckets; /* uint32_t ids of records */
	uint64_t code_cache;   /* struct tm_recorder_py_cached[] */
	struct tm_recorder_python python;
	uint64_t loader;       /* struct tm_recorder_loader */
	uint32_t changes;      /* by its hook: how often the list was found changed */
	uint32_t tid_at;       /* where a thread keeps its id: from the thread pointer on; 0:
				  unknown, and who comes to another's place is not told
				  from it */
	uint64_t anonymous;    /* used by tmattach: resident memory of no file, when
				  the epoch began */
	uint64_t look;         /* its number; 0: nobody reads */
	uint64_t journal_room; /* bytes that it may take of: */
	uint64_t journal;      /* struct tm_recorder_before[] */
	uint64_t journal_size;
	uint64_t looks;        /* used by tmattach: how many there were */
	uint64_t holders;      /* struct tm_recorder_holder[], as threads */
	uint64_t times;        /* struct tm_recorder_time[], */
	uint64_t times_room;   /* so many */
	uint64_t freed;        /* struct tm_recorder_freed[], */
	uint64_t freed_room;   /* so many */
	uint64_t maps;         /* struct tm_recorder_maps */

	/* Written by the recorder; one cache line each. */
	int64_t current __attribute__((aligned(64)));
	int64_t peak;
	uint64_t stack_tail __attribute__((aligned(64))); /* next free byte */
	uint64_t nstacks;
	uint64_t dropped __attribute__((aligned(64)));    /* blocks not recorded */
	uint64_t lost_stacks; /* blocks recorded with stack 0 for want of room */
	uint64_t code_tail __attribute__((aligned(64)));  /* next free byte */
	uint64_t lost_codes;  /* frames recorded with code 0 for want of room */
	uint64_t code_ends;   /* exact mode: code objects that ended */
	uint64_t unmerged;    /* stacks with their Python frames alone, because C
				 frames and they did not fit together */
	/* Next free byte; beyond journal_room: records are missing. 0: nobody writes
	 * any. */
	uint64_t journal_tail __attribute__((aligned(64)));
	uint32_t last_serial;
	/* See struct tm_recorder_time; when the next generation begins, at the latest. */
	uint64_t ages __attribute__((aligned(64)));
	uint64_t next_time;
	uint64_t ntimes __attribute__((aligned(64)));
	/* Of `freed`: how many there are, or would be with more room, in bits 0-31; of
	 * which peak in bits 32-63. */
	uint64_t freed_tail __attribute__((aligned(64)));
};

_Static_assert((int)TM_PY_MEMO_WORDS == (int)TM_RECORDER_MAX_FRAMES, "ABI");
_Static_assert(sizeof(struct tm_recorder_call) == 112, "ABI");
_Static_assert(sizeof(struct tm_recorder_shard) == 64, "ABI");
_Static_assert(sizeof(struct tm_recorder_thread) == 64, "ABI");
_Static_assert(sizeof(struct tm_recorder_holder) == 8, "ABI");
_Static_assert(sizeof(struct tm_recorder_slot) == 16, "ABI");
_Static_assert(sizeof(struct tm_recorder_side) == 8, "ABI");
_Static_assert(sizeof(struct tm_recorder_before) == 32, "ABI");
_Static_assert(sizeof(struct tm_recorder_stack) == 16, "ABI");
_Static_assert(sizeof(struct tm_recorder_patch) == 56, "ABI");

/* Which shard and slot an address belongs to. */
static inline uint64_t tm_recorder_hash(uint64_t address)
{
	return (address ^ address >> 32) * 0x9e3779b97f4a7c15u;
}

/* Where a thread's slot is looked for first. */
#define TM_RECORDER_THREAD_FACTOR 0x9e3779b97f4a7c15u
enum { TM_RECORDER_THREAD_SHIFT = 54 };

/* The counter of the filter that a block belongs to: neighbours share one, and
 * those of threads' own regions are kept apart. */
enum { TM_RECORDER_FILTER_SHIFT = 8, TM_RECORDER_FILTER_FOLD = 15 };

static inline uint64_t tm_recorder_filter_place(uint64_t address)
{
	return (address ^ address >> TM_RECORDER_FILTER_FOLD) >> TM_RECORDER_FILTER_SHIFT &
	       ((1u << TM_RECORDER_FILTER_LOG2) - 1);
}

/*
 * The bits of the shard in `region_mask` come from where in the address space
 * the block is, the others from its hash. Allocators give threads regions of
 * their own (glibc: arenas of 64 MiB), so threads meet in few shards and their
 * processors need not fetch the cache lines from each other. A small table has
 * no such bits: one busy region would fill its part.
 */
static inline uint32_t tm_recorder_shard_of(uint64_t address, uint64_t hash,
					    uint32_t region_mask)
{
	uint64_t region = address >> TM_RECORDER_REGION_LOG2;
	uint32_t own = (uint32_t)(region ^ region >> 8)
		<< TM_RECORDER_REGION_SHARDS_LOG2;
	uint32_t any = (uint32_t)(hash >> (64 - TM_RECORDER_SHARDS_LOG2));

	return any ^ ((any ^ own) & region_mask);
}

static inline uint64_t tm_recorder_home(uint64_t hash, uint32_t log2)
{
	return hash >> 24 & ((1ull << log2) - 1);
}

/* The slots of an arena, and where in it their sides begin. */
static inline uint64_t tm_recorder_arena_slots(uint32_t max_log2)
{
	return (1ull << max_log2) + 2 * TM_SHARD_PAD;
}

static inline uint64_t tm_recorder_sides_at(uint32_t max_log2)
{
	return tm_recorder_arena_slots(max_log2) * sizeof(struct tm_recorder_slot);
}

#define TM_SLOT_ADDRESS 0x0000ffffffffffffull

static inline uint64_t tm_slot_size(const struct tm_recorder_slot *slot)
{
	return (slot->key >> 48) << 32 | (uint32_t)slot->value;
}

static inline uint32_t tm_slot_stack(const struct tm_recorder_slot *slot)
{
	return (uint32_t)(slot->value >> 32);
}

static inline struct tm_recorder_slot tm_slot_of(uint64_t address, uint64_t size, uint32_t stack)
{
	return (struct tm_recorder_slot){
		address | (size >> 32 & 0xffff) << 48, (uint64_t)stack << 32 | (uint32_t)size,
	};
}

/* What is traced, as the counters have it: the table's, and what the threads
 * have not yet moved there. Read while it changes it may be off by what is in
 * flight; of forged counters it is anything. */
static inline int64_t tm_recorder_current(const struct tm_recorder_table *table,
					  const struct tm_recorder_thread *threads)
{
	uint64_t sum = (uint64_t)table->current;

	for (uint32_t i = 0; i < TM_RECORDER_THREADS; i++)
		sum += (uint64_t)threads[i].bytes;
	return (int64_t)sum;
}

/* The peak: the table's, or what it and one thread have come to since. */
static inline int64_t tm_recorder_peak(const struct tm_recorder_table *table,
				       const struct tm_recorder_thread *threads)
{
	int64_t high = 0, since;

	for (uint32_t i = 0; i < TM_RECORDER_THREADS; i++)
		if (threads[i].high > high)
			high = threads[i].high;
	return __builtin_add_overflow(table->current, high, &since) || since < table->peak ?
		table->peak : since;
}

#endif
