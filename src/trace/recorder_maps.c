#include "trace/recorder_maps.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/order.h"
#include "base/search.h"
#include "tmattach/model.h"

enum { HEAD = offsetof(struct tm_recorder_maps, items), PAGE = 4096 };

static bool is_plausible(struct tm_range range)
{
	return range.start < range.end && range.end <= TM_SLOT_ADDRESS + 1;
}

static bool take_items(struct tm_recorder_copy *copy, const struct tm_recorder_mapping *m,
		       uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct tm_range range = { m[i].start, m[i].end };

		if (!is_plausible(range) || (i && m[i].start < m[i - 1].end))
			return false;
		copy->mappings[i] = (struct tm_recorder_mapped){
			.range = range, .size = range.end - range.start, .stack = m[i].stack,
			.birth = m[i].birth, .age = TM_AGE_NONE, .of_file = m[i].of_file != 0,
		};
	}
	copy->nmappings = n;
	return true;
}

/* As with blocks alone: tm_recorder_peak(). */
static uint64_t together(const struct tm_recorder_copy *copy, const struct tm_recorder_maps *head)
{
	int64_t high = 0, sum;

	for (uint32_t i = 0; i < TM_RECORDER_THREADS; i++)
		if (copy->threads[i].high > high)
			high = copy->threads[i].high;
	if (__builtin_add_overflow(copy->table.current, high, &sum) ||
	    __builtin_add_overflow(sum, head->bytes, &sum) || sum < head->peak)
		sum = head->peak;
	return sum > 0 ? (uint64_t)sum : 0;
}

bool tm_recorder_maps_take(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			   struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct tm_recorder_maps *head = tm_calloc(1, HEAD);
	TM_GUARD(tm_free_ptr) struct tm_recorder_mapping *items = NULL;

	copy->nmappings = 0;
	copy->together = 0;
	if (!tm_recorder_inside(copy->table.maps, sizeof(*head), copy->table.size))
		return tm_recorder_damaged(err);
	if (!tm_mem_read(mem, at + copy->table.maps, head, HEAD, err))
		return false;
	if (!head->on)
		return true;
	if (head->lock)
		return tm_err_set(err, TM_ERR_BUSY, "the recorder's table",
				  "its list of mappings is being changed");
	copy->together = together(copy, head);
	if (head->n > TM_RECORDER_MAPPINGS)
		return tm_recorder_damaged(err);
	items = tm_calloc(head->n + 1, sizeof(*items));
	copy->mappings = tm_reallocarray(copy->mappings, head->n + 1, sizeof(*copy->mappings));
	return tm_mem_read(mem, at + copy->table.maps + HEAD, items, head->n * sizeof(*items),
			   err) &&
	       (take_items(copy, items, head->n) || tm_recorder_damaged(err));
}

static uint64_t memory_between(const struct tm_range *memory, size_t n, struct tm_range range)
{
	size_t i = TM_LOWER_BOUND(n, k, memory[k].end <= range.start);
	uint64_t sum = 0;

	for (; i < n && memory[i].start < range.end; i++)
		sum += (memory[i].end < range.end ? memory[i].end : range.end) -
		       (memory[i].start > range.start ? memory[i].start : range.start);
	return sum;
}

void tm_recorder_maps_keep(struct tm_recorder_copy *copy, const struct tm_range *memory, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < copy->nmappings; i++) {
		copy->mappings[i].size = memory_between(memory, n, copy->mappings[i].range);
		if (copy->mappings[i].size)
			copy->mappings[kept++] = copy->mappings[i];
	}
	copy->nmappings = kept;
}

bool tm_recorder_maps_pick(struct tm_recorder_copy *copy, tm_addr address)
{
	struct tm_recorder_mapped *m = copy->mappings;
	size_t i = TM_LOWER_BOUND(copy->nmappings, k, m[k].range.end <= address);

	if (i == copy->nmappings || m[i].range.start > address)
		return false;
	m[0] = m[i];
	copy->nmappings = 1;
	return true;
}

/* ---- at the peak ------------------------------------------------------------------- */

static int by_start(const void *a, const void *b)
{
	const struct tm_recorder_mapped *x = a, *y = b;

	return tm_order_u64(x->range.start, y->range.start);
}

static void keep_until(struct tm_recorder_copy *copy, uint32_t peak)
{
	size_t kept = 0;

	for (size_t i = 0; i < copy->nmappings; i++)
		if (copy->mappings[i].birth <= peak)
			copy->mappings[kept++] = copy->mappings[i];
	copy->nmappings = kept;
}

/* Those that are noted down, in order; to be freed. */
static struct tm_recorder_mapped *noted(struct tm_recorder_copy *copy, size_t *ret_n)
{
	struct tm_recorder_mapped *ret = tm_calloc(copy->nfreed + 1, sizeof(*ret));
	size_t n = 0;

	for (size_t i = 0; i < copy->nfreed; i++) {
		const struct tm_recorder_freed *freed = &copy->freed[i];
		const uint64_t start = freed->slot.key & TM_SLOT_ADDRESS;
		const struct tm_range range = { start, start + tm_slot_size(&freed->slot) };

		copy->files_gone += freed->kind == TM_FREED_OF_FILE;
		if (freed->kind == TM_FREED_MAPPING && is_plausible(range))
			ret[n++] = (struct tm_recorder_mapped){
				.range = range, .stack = tm_slot_stack(&freed->slot),
				.birth = freed->side.birth, .age = TM_AGE_NONE,
			};
	}
	if (n)
		qsort(ret, n, sizeof(*ret), by_start);
	*ret_n = n;
	return ret;
}

static void add_piece(struct tm_recorder_copy *copy, size_t *cap,
		      const struct tm_recorder_mapped *of, struct tm_range range)
{
	struct tm_recorder_mapped *piece;

	copy->mappings = tm_grow(copy->mappings, cap, copy->nmappings + 1,
				 sizeof(*copy->mappings));
	piece = &copy->mappings[copy->nmappings++];
	*piece = *of;
	piece->range = range;
	piece->size = range.end - range.start;
}

/* What of it is neither below `from` nor in one of the first `n` mappings. */
static void add_missing(struct tm_recorder_copy *copy, size_t *cap, size_t n,
			const struct tm_recorder_mapped *of, tm_addr from)
{
	tm_addr at = of->range.start > from ? of->range.start : from;
	size_t i = TM_LOWER_BOUND(n, k, copy->mappings[k].range.end <= at);

	while (at < of->range.end) {
		const tm_addr next = i < n && copy->mappings[i].range.start < of->range.end ?
			copy->mappings[i].range.start : of->range.end;

		if (at < next)
			add_piece(copy, cap, of, (struct tm_range){ at, next });
		at = i < n && next < of->range.end ? copy->mappings[i++].range.end : of->range.end;
	}
}

void tm_recorder_maps_at_peak(struct tm_recorder_copy *copy, uint32_t peak)
{
	TM_GUARD(tm_free_ptr) struct tm_recorder_mapped *gone = NULL;
	size_t ngone, n, cap;
	tm_addr done = 0;

	keep_until(copy, peak);
	n = cap = copy->nmappings;
	copy->files_gone = 0;
	gone = noted(copy, &ngone);
	for (size_t i = 0; i < ngone; i++) {
		add_missing(copy, &cap, n, &gone[i], done);
		if (gone[i].range.end > done)
			done = gone[i].range.end;
	}
	if (copy->nmappings > n)
		qsort(copy->mappings, copy->nmappings, sizeof(*copy->mappings), by_start);
}

/* ---- sums --------------------------------------------------------------------------- */

static uint64_t sum_of(const struct tm_recorder_copy *copy, bool files)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < copy->nmappings; i++)
		if (files || !copy->mappings[i].of_file)
			sum += copy->mappings[i].size;
	return sum;
}

uint64_t tm_recorder_mapped(const struct tm_recorder_copy *copy)
{
	return sum_of(copy, true);
}

uint64_t tm_recorder_mapped_anonymous(const struct tm_recorder_copy *copy)
{
	return sum_of(copy, false);
}
