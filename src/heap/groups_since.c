/* Differences of groups of which no heap is left. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/intern.h"
#include "heap/groups.h"

static void add_copy(struct tm_heap_groups *ret, const struct tm_heap_group *group)
{
	ret->items[ret->n] = *group;
	ret->items[ret->n++].name = tm_strdup(group->name);
}

struct tm_heap_groups *tm_heap_groups_since(const struct tm_heap_groups *older,
					    const struct tm_heap_groups *groups)
{
	struct tm_heap_groups *ret = tm_calloc(1, sizeof(*ret));
	struct tm_intern names = { 0 };

	*ret = (struct tm_heap_groups){ .count = groups->count, .size = groups->size,
					.is_diff = true, .query = groups->query };
	ret->items = tm_calloc(groups->n + older->n + 1, sizeof(*ret->items));
	for (size_t i = 0; i < groups->n; i++) {
		tm_intern(&names, groups->items[i].name, strlen(groups->items[i].name));
		add_copy(ret, &groups->items[i]);
		ret->items[i].count_diff = (int64_t)groups->items[i].count;
		ret->items[i].size_diff = (int64_t)groups->items[i].size;
	}
	for (size_t i = 0; i < older->n; i++) {
		const struct tm_heap_group *then = &older->items[i];
		uint32_t at = tm_intern(&names, then->name, strlen(then->name));

		if (at == ret->n)
			add_copy(ret, &(struct tm_heap_group){ .name = then->name });
		ret->items[at].count_diff -= (int64_t)then->count;
		ret->items[at].size_diff -= (int64_t)then->size;
	}
	tm_intern_free(&names);
	qsort(ret->items, ret->n, sizeof(*ret->items), heap_by_difference);
	return ret;
}
