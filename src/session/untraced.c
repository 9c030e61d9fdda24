#include "session/untraced.h"

#include "base/guard.h"
#include "base/search.h"
#include "inject/inject.h"
#include "session/tracer.h"

enum {
	BLOCKS = 200000,         /* traced ones: 5 ms to read */
	HEAD = 8,                /* of a chunk */
	LARGE_PAGES = 1 << 20,
};
#define HELD (UINT64_C(64) << 20)  /* of malloc, walked while the process is stopped, */
#define MOST (UINT64_C(4) << 30)   /* and in a copy */

void tm_untraced_take(struct tm_session *session, struct tm_recorder_copy *copy)
{
	struct tm_inject_status status;
	struct tm_err ignored;
	struct tm_mem *mem;
	tm_addr at;

	copy->nslots = 0;
	if (!tm_native_recorded(session) ||
	    !tm_inject_status(session->injection, &status, &ignored) || status.sample_bytes ||
	    status.count == 0 || status.count > BLOCKS)
		return;
	mem = tm_inject_table(session->injection, &at);
	if (!tm_recorder_copy_take(copy, mem, at, &ignored))
		copy->nslots = 0;
}

/* All that is in use, as its owners may use it. */
static void add_used(const struct heap_blocks *blocks, struct tm_memory *ret)
{
	for (uint32_t i = 0; i < blocks->nunits; i++)
		if (blocks->units[i]) {
			ret->malloc_untraced += (uint64_t)blocks->units[i] * 16 - HEAD;
			ret->malloc_untraced_blocks++;
		}
	for (uint32_t i = 0; i < blocks->nlarges; i++) {
		ret->malloc_untraced += blocks->larges[i].size;
		ret->malloc_untraced_blocks++;
	}
}

static uint64_t usable(const struct heap_blocks *blocks, tm_addr at)
{
	uint64_t size = heap_blocks_chunk(blocks, at);
	size_t i = TM_LOWER_BOUND(blocks->nlarges, k, blocks->larges[k].at < at);

	if (size)
		return size - HEAD;
	return i < blocks->nlarges && blocks->larges[i].at == at ? blocks->larges[i].size : 0;
}

/* False: what is traced does not fit into it. */
static bool take_traced(const struct tm_recorder_copy *copy, const struct heap_blocks *blocks,
			struct tm_memory *ret)
{
	for (size_t i = 0; i < copy->nslots; i++) {
		uint64_t size = tm_slot_size(&copy->slots[i]);
		uint64_t room = usable(blocks, copy->slots[i].key & TM_SLOT_ADDRESS);

		if (!room)
			continue;
		if (size > room || room > ret->malloc_untraced || !ret->malloc_untraced_blocks)
			return false;
		ret->malloc_untraced -= room;
		ret->malloc_untraced_blocks--;
		ret->malloc_traced += size;
	}
	return true;
}

void tm_untraced_read(const struct tm_recorder_copy *copy, const struct heap_glibc *heap,
		      const struct tm_instant *instant, const struct tm_maps *maps,
		      struct tm_memory *ret)
{
	TM_GUARD(heap_blocks_free) struct heap_blocks blocks = { 0 };

	ret->has_untraced = false;
	ret->malloc_traced = ret->malloc_untraced = ret->malloc_untraced_blocks = 0;
	if (!copy->nslots || !ret->has_malloc ||
	    ret->malloc_size > (instant->held ? HELD : MOST) ||
	    heap_glibc_chunks(instant->mem, heap, NULL, &blocks) != HEAP_TOLD ||
	    heap_glibc_large(instant->mem, maps, heap, LARGE_PAGES, NULL,
			     &blocks) != HEAP_TOLD)
		return;
	add_used(&blocks, ret);
	ret->has_untraced = take_traced(copy, &blocks, ret) &&
			    ret->malloc_traced + ret->malloc_untraced <= ret->malloc_used;
}
