/* The recorder's list of mappings: abi_maps.h. */
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "inject/private.h"
#include "target/stat.h"
#include "trace/recorder_maps.h"

enum { HEAD = offsetof(struct tm_recorder_maps, items) };

bool inject_maps_on(struct tm_injection *in, const struct tm_recorder_table *table, bool on,
		    struct tm_err *err)
{
	const uint32_t word = on;

	return inject_poke_table(in, table->maps + offsetof(struct tm_recorder_maps, on), &word,
				 sizeof(word), err);
}

static bool read_head(struct tm_injection *in, uint64_t *ret_at, struct tm_recorder_maps *ret)
{
	struct tm_err ignored;

	return inject_peek_table(in, offsetof(struct tm_recorder_table, maps), ret_at,
				 sizeof(*ret_at), &ignored) &&
	       tm_recorder_inside(*ret_at, sizeof(*ret), in->head.table_size) &&
	       inject_peek_table(in, *ret_at, ret, HEAD, &ignored);
}

bool inject_maps_are_on(struct tm_injection *in)
{
	TM_GUARD(tm_free_ptr) struct tm_recorder_maps *head = tm_calloc(1, HEAD);
	uint64_t at;

	return read_head(in, &at, head) && head->on;
}

/* Where the heap of brk() ends, in whole pages. */
static tm_addr find_brk(const struct tm_injection *in, const struct tm_maps *maps)
{
	struct target_stat stat;
	tm_addr end = 0;

	for (size_t i = 0; i < maps->n; i++)
		if (strcmp(maps->regions[i].path, "[heap]") == 0)
			end = maps->regions[i].end;
	if (!end && target_stat_read(in->process.pid, &stat))
		end = (stat.values[STAT_STARTBRK] + TM_PAGE - 1) / TM_PAGE * TM_PAGE;
	return end;
}

bool inject_maps_begin(struct tm_injection *in, const struct tm_maps *maps, struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct tm_recorder_maps *head = tm_calloc(1, HEAD);
	const uint64_t brk = find_brk(in, maps);
	uint64_t at;

	return !read_head(in, &at, head) || !head->on ||
	       inject_poke_table(in, at + offsetof(struct tm_recorder_maps, brk), &brk,
				 sizeof(brk), err);
}

bool inject_maps_forget(struct tm_injection *in, const struct tm_recorder_table *table,
			struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) const struct tm_recorder_maps *none = tm_calloc(1, HEAD);
	const size_t n = offsetof(struct tm_recorder_maps, n);

	/* All from `n` on, and the lock last. */
	return inject_poke_table(in, table->maps + n, &none->n, HEAD - n, err) &&
	       inject_poke_table(in, table->maps + offsetof(struct tm_recorder_maps, lock),
				 &none->lock, sizeof(none->lock), err);
}

bool inject_maps_end_peak(struct tm_injection *in, const struct tm_recorder_table *table,
			  int64_t blocks, struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct tm_recorder_maps *head = tm_calloc(1, HEAD);
	uint64_t together, at;

	if (!read_head(in, &at, head) || !head->on)
		return true;
	together = (uint64_t)blocks + (uint64_t)head->bytes;
	return inject_poke_table(in, table->maps + offsetof(struct tm_recorder_maps, peak),
				 &together, sizeof(together), err);
}

bool inject_maps_take(struct tm_injection *in, struct tm_recorder_copy *copy, struct tm_err *err)
{
	TM_GUARD(tm_maps_free) struct tm_maps maps = { 0 };
	TM_GUARD(tm_free_ptr) struct tm_range *memory = NULL;
	size_t n;

	if (!tm_recorder_maps_take(copy, in->table_mem, in->head.table, err))
		return false;
	if (!copy->nmappings)
		return true;
	if (!tm_maps_read(in->process.pid, &maps, err))
		return false;
	memory = tm_maps_memory(&maps, &n);
	tm_recorder_maps_keep(copy, memory, n);
	return true;
}
