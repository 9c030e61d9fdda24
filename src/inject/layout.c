#include <string.h>
#include <sys/sysinfo.h>

#include "inject/private.h"

enum {
	MAX_LOG2 = 20, /* slots of a shard */
	REGION_MASK = TM_RECORDER_SHARDS - (1 << TM_RECORDER_REGION_SHARDS_LOG2),
};

static uint64_t place(uint64_t *at, uint64_t size)
{
	uint64_t here = *at;

	*at = (here + size + TM_PAGE - 1) / TM_PAGE * TM_PAGE;
	return here;
}

static uint64_t arena_size(uint32_t log2)
{
	uint64_t sides = tm_recorder_arena_slots(log2) * sizeof(struct tm_recorder_side);

	return (tm_recorder_sides_at(log2) + sides + TM_PAGE - 1) / TM_PAGE * TM_PAGE;
}

uint64_t inject_default_limit(void)
{
	struct sysinfo info;

	if (sysinfo(&info) != 0)
		return 1ull << 30;
	return (uint64_t)info.totalram * info.mem_unit / 2;
}

/* A few hundred bytes for a function of Python's. */
static uint64_t codes_size(uint64_t limit)
{
	uint64_t most = 1ull << TM_PY_CODES_LOG2;

	return limit / 16 < most ? limit / 16 : most;
}

/* Names and unwind tables of modules that come later. */
static uint64_t loader_area(uint64_t limit)
{
	const uint64_t most = 256 << 20;

	return limit / 16 < most ? limit / 16 : most;
}

/* Two million changes while the table is read. It is what a tmattach that is
 * killed may leave in memory, until the next one reads. */
static uint64_t journal_size(uint64_t limit)
{
	const uint64_t most = 64 << 20;

	return limit / 16 < most ? limit / 16 : most;
}

/* Of a small table, too, the times of ten years' generations (recorder/ages.c). */
static uint64_t times_room(uint64_t limit)
{
	const uint64_t most = TM_RECORDER_MAX_TIMES, room = limit / 64 / sizeof(struct tm_recorder_time);

	return room < most ? room : most;
}

/* Blocks that were there at the peak and are freed: four million. */
static uint64_t freed_room(uint64_t limit)
{
	const uint64_t most = TM_RECORDER_MAX_FREED, room = limit / 16 / sizeof(struct tm_recorder_freed);

	return room < most ? room : most;
}

/* Half for the blocks, and half of that for what else is known of them; a quarter for stacks,
 * another for unwind rows and tables. */
void inject_layout(struct tm_recorder_table *table, uint64_t limit)
{
	/* Stack ids count words and have 32 bits. */
	const uint64_t max_stacks = 32ull << 30, max_unwind = 1ull << 30;
	const uint64_t area = loader_area(limit);
	const uint64_t large = 1ull << 30;
	uint32_t log2 = MAX_LOG2;
	uint64_t at = 0;

	while (log2 > TM_SHARD_MIN_LOG2 &&
	       tm_recorder_sides_at(log2) * TM_RECORDER_SHARDS > limit / 2 + limit / 16)
		log2--;
	table->max_log2 = log2;
	table->region_mask = limit >= large ? REGION_MASK : 0;
	table->arena_size = arena_size(log2);
	table->stacks_size = limit / 4 < max_stacks ? limit / 4 : max_stacks;
	table->unwind_size = limit / 4 - area < max_unwind ? limit / 4 - area : max_unwind;
	place(&at, sizeof(*table));
	table->shards = place(&at, TM_RECORDER_SHARDS *
			      sizeof(struct tm_recorder_shard));
	table->threads = place(&at, TM_RECORDER_THREADS *
			       sizeof(struct tm_recorder_thread));
	table->holders = place(&at, TM_RECORDER_THREADS *
			       sizeof(struct tm_recorder_holder));
	table->maps = place(&at, sizeof(struct tm_recorder_maps));
	table->cache = place(&at, 8ull << TM_RECORDER_CACHE_LOG2);
	table->filter = place(&at, 1ull << TM_RECORDER_FILTER_LOG2);
	table->memos = place(&at, TM_RECORDER_THREADS *
			     sizeof(struct tm_recorder_memo));
	table->buckets = place(&at, 4ull << TM_RECORDER_BUCKETS_LOG2);
	table->code_buckets = place(&at, 4ull << TM_PY_CODE_BUCKETS_LOG2);
	table->code_cache = place(&at, sizeof(struct tm_recorder_py_cached)
				  << TM_PY_CODE_CACHE_LOG2);
	table->codes_size = codes_size(limit);
	table->codes = place(&at, table->codes_size);
	table->loader = place(&at, sizeof(struct tm_recorder_loader) + area);
	table->journal_size = journal_size(limit);
	table->journal = place(&at, table->journal_size);
	table->times_room = times_room(limit);
	table->times = place(&at, table->times_room * sizeof(struct tm_recorder_time));
	table->freed_room = freed_room(limit);
	table->freed = place(&at, table->freed_room * sizeof(struct tm_recorder_freed));
	table->unwind = place(&at, table->unwind_size);
	table->stacks = place(&at, table->stacks_size);
	table->slots = place(&at, table->arena_size * TM_RECORDER_SHARDS);
	table->size = at;
	table->version = TM_RECORDER_VERSION;
	table->magic = TM_RECORDER_TABLE_MAGIC;
	/* Id 0 is no stack, and no code. */
	table->stack_tail = sizeof(struct tm_recorder_stack);
	table->code_tail = sizeof(struct tm_recorder_py_record);
	table->unwind_tail = table->unwind;
	table->ages = 1;
}

static bool inside(uint64_t at, uint64_t len, uint64_t size)
{
	return at <= size && len <= size - at;
}

bool inject_table_valid(const struct tm_recorder_table *t, uint64_t size)
{
	return t->version == TM_RECORDER_VERSION &&
	       t->magic == TM_RECORDER_TABLE_MAGIC && t->size == size &&
	       t->max_log2 <= MAX_LOG2 &&
	       (t->region_mask & ~(uint32_t)REGION_MASK) == 0 &&
	       t->arena_size == arena_size(t->max_log2) &&
	       inside(t->shards, TM_RECORDER_SHARDS *
		      sizeof(struct tm_recorder_shard), size) &&
	       inside(t->threads, TM_RECORDER_THREADS *
		      sizeof(struct tm_recorder_thread), size) &&
	       inside(t->holders, TM_RECORDER_THREADS *
		      sizeof(struct tm_recorder_holder), size) &&
	       inside(t->cache, 8ull << TM_RECORDER_CACHE_LOG2, size) &&
	       inside(t->filter, 1ull << TM_RECORDER_FILTER_LOG2, size) &&
	       inside(t->memos, TM_RECORDER_THREADS *
		      sizeof(struct tm_recorder_memo), size) &&
	       inside(t->buckets, 4ull << TM_RECORDER_BUCKETS_LOG2, size) &&
	       inside(t->code_buckets, 4ull << TM_PY_CODE_BUCKETS_LOG2, size) &&
	       inside(t->code_cache, sizeof(struct tm_recorder_py_cached)
		      << TM_PY_CODE_CACHE_LOG2, size) &&
	       inside(t->codes, t->codes_size, size) &&
	       inside(t->loader, sizeof(struct tm_recorder_loader), size) &&
	       /* Its memory is given back: it must be nobody else's. */
	       t->journal >= t->loader + sizeof(struct tm_recorder_loader) &&
	       inside(t->maps, sizeof(struct tm_recorder_maps), t->loader) &&
	       t->journal % TM_PAGE == 0 && inside(t->journal, t->journal_size, t->unwind) &&
	       t->times_room <= TM_RECORDER_MAX_TIMES &&
	       t->freed_room <= TM_RECORDER_MAX_FREED &&
	       inside(t->times, t->times_room * sizeof(struct tm_recorder_time), size) &&
	       t->freed >= t->journal && t->freed % TM_PAGE == 0 &&
	       inside(t->freed, t->freed_room * sizeof(struct tm_recorder_freed), t->unwind) &&
	       inside(t->unwind, t->unwind_size, size) &&
	       /* Where tmattach itself writes. */
	       t->unwind_tail >= t->unwind && t->unwind_tail <= size &&
	       inside(t->stacks, t->stacks_size, size) &&
	       inside(t->slots, t->arena_size * TM_RECORDER_SHARDS, size);
}
