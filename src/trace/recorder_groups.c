#include "trace/recorder_groups.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/map.h"
#include "tmattach/model.h"

static uint32_t number_of(struct tm_map *numbers, uint32_t first, uint32_t second,
			  uint32_t *next)
{
	uint32_t *at = tm_map_put(numbers, (uint64_t)first << 32 | second);

	if (*at == TM_MAP_NONE)
		*at = (*next)++;
	return *at;
}

struct tm_recorder_group *tm_recorder_group(const struct tm_recorder_copy *copy,
					    size_t *ret_n)
{
	struct tm_map index = { 0 }, pairs = { 0 }, aged = { 0 };
	struct tm_recorder_group *groups = NULL;
	size_t n = 0, cap = 0;
	uint32_t npairs = 0, naged = 0;

	for (size_t i = 0; i < copy->nslots; i++) {
		uint64_t size = tm_slot_size(&copy->slots[i]);
		uint32_t stack = tm_slot_stack(&copy->slots[i]);
		uint32_t thread = copy->sides[i].thread;
		uint32_t age = copy->ages ? copy->ages[i] : TM_AGE_NONE;
		uint32_t alike = number_of(&pairs, stack, thread, &npairs);
		uint32_t *at = NULL;

		if (copy->ages)
			alike = number_of(&aged, alike, age, &naged);
		/* Sizes beyond 4 GiB stay alone: there are few. */
		if (size <= UINT32_MAX)
			at = tm_map_put(&index, (uint64_t)alike << 32 | size);

		if (at && *at != TM_MAP_NONE) {
			groups[*at].count++;
			continue;
		}
		if (at)
			*at = (uint32_t)n;
		groups = tm_grow(groups, &cap, n + 1, sizeof(*groups));
		groups[n++] = (struct tm_recorder_group){ size, stack, thread, age, 1 };
	}
	tm_map_free(&index);
	tm_map_free(&pairs);
	tm_map_free(&aged);
	*ret_n = n;
	return groups;
}

static int by_stack(const void *a, const void *b)
{
	const struct tm_recorder_group *x = a, *y = b;

	if (x->stack != y->stack)
		return x->stack < y->stack ? -1 : 1;
	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	if (x->size != y->size)
		return x->size < y->size ? -1 : 1;
	return x->age < y->age ? -1 : x->age > y->age;
}

void tm_recorder_estimate(struct tm_recorder_group *groups, size_t n, uint64_t mean)
{
	double carry = 0;

	if (n == 0)
		return;
	qsort(groups, n, sizeof(*groups), by_stack);
	for (size_t i = 0; i < n; i++) {
		double size = (double)groups[i].size;
		double taken = -expm1(-size / (double)mean);
		double bytes, count;

		if (groups[i].size == 0) {
			continue;
		}
		bytes = (double)groups[i].count * size / taken + carry;
		count = floor(bytes / size + 0.5);
		if (count < 0)
			count = 0;
		carry = bytes - count * size;
		groups[i].count = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
	}
}
