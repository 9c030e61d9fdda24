#include "trace/recorder_maps.h"

#include "base/alloc.h"
#include "base/guard.h"
#include "base/search.h"

enum { HEAD = offsetof(struct tm_recorder_maps, items) };

static bool take_items(struct tm_recorder_copy *copy, uint32_t n)
{
	const struct tm_recorder_mapping *m = copy->mappings;

	for (uint32_t i = 0; i < n; i++) {
		if (m[i].start >= m[i].end || m[i].end > TM_SLOT_ADDRESS + 1 ||
		    (i && m[i].start < m[i - 1].end))
			return false;
		copy->mapped[i] = m[i].end - m[i].start;
	}
	copy->nmappings = n;
	return true;
}

bool tm_recorder_maps_take(struct tm_recorder_copy *copy, struct tm_mem *mem, tm_addr at,
			   struct tm_err *err)
{
	TM_GUARD(tm_free_ptr) struct tm_recorder_maps *head = tm_calloc(1, HEAD);

	copy->nmappings = 0;
	if (!tm_recorder_inside(copy->table.maps, sizeof(*head), copy->table.size))
		return tm_recorder_damaged(err);
	if (!tm_mem_read(mem, at + copy->table.maps, head, HEAD, err))
		return false;
	if (!head->on || !head->n)
		return true;
	if (head->lock)
		return tm_err_set(err, TM_ERR_BUSY, "the recorder's table",
				  "its list of mappings is being changed");
	if (head->n > TM_RECORDER_MAPPINGS)
		return tm_recorder_damaged(err);
	copy->mappings = tm_reallocarray(copy->mappings, head->n, sizeof(*copy->mappings));
	copy->mapped = tm_reallocarray(copy->mapped, head->n, sizeof(*copy->mapped));
	return tm_mem_read(mem, at + copy->table.maps + HEAD, copy->mappings,
			   head->n * sizeof(*copy->mappings), err) &&
	       (take_items(copy, head->n) || tm_recorder_damaged(err));
}

static uint64_t memory_between(const struct tm_range *memory, size_t n, uint64_t start,
			       uint64_t end)
{
	size_t i = TM_LOWER_BOUND(n, k, memory[k].end <= start);
	uint64_t sum = 0;

	for (; i < n && memory[i].start < end; i++)
		sum += (memory[i].end < end ? memory[i].end : end) -
		       (memory[i].start > start ? memory[i].start : start);
	return sum;
}

void tm_recorder_maps_keep(struct tm_recorder_copy *copy, const struct tm_range *memory, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < copy->nmappings; i++) {
		uint64_t size = memory_between(memory, n, copy->mappings[i].start,
					       copy->mappings[i].end);

		if (!size)
			continue;
		copy->mappings[kept] = copy->mappings[i];
		copy->mapped[kept++] = size;
	}
	copy->nmappings = kept;
}

bool tm_recorder_maps_pick(struct tm_recorder_copy *copy, tm_addr address)
{
	const struct tm_recorder_mapping *m = copy->mappings;
	size_t i = TM_LOWER_BOUND(copy->nmappings, k, m[k].end <= address);

	if (i == copy->nmappings || m[i].start > address)
		return false;
	copy->mappings[0] = m[i];
	copy->mapped[0] = copy->mapped[i];
	copy->nmappings = 1;
	return true;
}

uint64_t tm_recorder_mapped(const struct tm_recorder_copy *copy)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < copy->nmappings; i++)
		sum += copy->mapped[i];
	return sum;
}
