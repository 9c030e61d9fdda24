#include "trace/recorder_ages.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/search.h"

void tm_recorder_ages_free(struct tm_recorder_ages *ages)
{
	free(ages->times);
	*ages = (struct tm_recorder_ages){ 0 };
}

static int by_birth(const void *a, const void *b)
{
	const struct tm_recorder_time *x = a, *y = b;

	return x->birth < y->birth ? -1 : x->birth > y->birth;
}

/* Two that began at nearly the same time may stand in the wrong order, or have their
 * times so. */
static void put_in_order(struct tm_recorder_ages *ages)
{
	size_t n = 0;

	for (size_t i = 0; i < ages->n; i++)
		if (ages->times[i].birth)
			ages->times[n++] = ages->times[i];
	ages->n = n;
	if (n)
		qsort(ages->times, n, sizeof(*ages->times), by_birth);
	for (size_t i = 1; i < n; i++)
		if (ages->times[i].ns < ages->times[i - 1].ns)
			ages->times[i].ns = ages->times[i - 1].ns;
}

bool tm_recorder_ages_read(const struct tm_recorder_table *table, struct tm_mem *mem,
			   tm_addr at, struct tm_recorder_ages *ret, struct tm_err *err)
{
	struct tm_recorder_table now;
	struct tm_recorder_ages ages = { 0 };

	if (!tm_mem_read(mem, at, &now, sizeof(now), err))
		return false;
	ages.full = now.ntimes >= table->times_room;
	ages.n = ages.full ? table->times_room : now.ntimes;
	ages.times = tm_calloc(ages.n + 1, sizeof(*ages.times));
	if (!tm_mem_read(mem, at + table->times, ages.times, ages.n * sizeof(*ages.times), err)) {
		free(ages.times);
		return false;
	}
	put_in_order(&ages);
	*ret = ages;
	return true;
}

bool tm_recorder_birth(const struct tm_recorder_ages *ages, uint32_t birth, uint64_t *ret_ns)
{
	const size_t later = TM_LOWER_BOUND(ages->n, i, ages->times[i].birth <= birth);

	if (later == 0 || (ages->full && later == ages->n))
		return false;
	*ret_ns = ages->times[later - 1].ns;
	return true;
}
