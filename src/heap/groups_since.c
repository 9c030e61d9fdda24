/* Differences of groups of which no heap is left. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/intern.h"
#include "heap/groups.h"
#include "heap/groups_line.h"

struct since {
	struct tm_heap_groups *ret;
	struct tm_intern names; /* of its items */
};

/* The item of this name and line; a new one is all zero but for these. */
static struct tm_heap_group *item_of(struct since *since, const struct tm_heap_group *group)
{
	const struct heap_line line = { group->filename, group->lineno };
	TM_GUARD(tm_buf_free) struct tm_buf name = { 0 };
	uint32_t at;

	heap_line_group_name(group->name, line.filename ? &line : NULL, &name);
	at = tm_intern(&since->names, name.data, name.len);
	if (at == since->ret->n)
		since->ret->items[since->ret->n++] = (struct tm_heap_group){
			.name = tm_strdup(group->name),
			.filename = line.filename ? tm_strdup(line.filename) : NULL,
			.lineno = line.lineno,
		};
	return &since->ret->items[at];
}

struct tm_heap_groups *tm_heap_groups_since(const struct tm_heap_groups *older,
					    const struct tm_heap_groups *groups)
{
	struct since since = { .ret = tm_calloc(1, sizeof(*since.ret)) };
	struct tm_heap_groups *ret = since.ret;

	*ret = (struct tm_heap_groups){ .count = groups->count, .size = groups->size,
					.is_diff = true, .query = groups->query };
	ret->items = tm_calloc(groups->n + older->n + 1, sizeof(*ret->items));
	for (size_t i = 0; i < groups->n; i++) {
		const struct tm_heap_group *now = &groups->items[i];
		struct tm_heap_group *item = item_of(&since, now);

		item->count = now->count;
		item->size = now->size;
		item->retained = now->retained;
		item->count_diff = (int64_t)now->count;
		item->size_diff = (int64_t)now->size;
	}
	for (size_t i = 0; i < older->n; i++) {
		struct tm_heap_group *item = item_of(&since, &older->items[i]);

		item->count_diff -= (int64_t)older->items[i].count;
		item->size_diff -= (int64_t)older->items[i].size;
	}
	tm_intern_free(&since.names);
	qsort(ret->items, ret->n, sizeof(*ret->items), heap_by_difference);
	return ret;
}
