/* What could be saved: equal strings, and containers with room to spare. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "heap/heap.h"
#include "heap/kept.h"
#include "heap/values.h"

static void add_totals(struct tm_heap_wastes *wastes)
{
	for (size_t i = 0; i < wastes->n; i++) {
		wastes->count += wastes->items[i].count;
		wastes->size += wastes->items[i].size;
		wastes->wasted += wastes->items[i].wasted;
	}
}

static int by_waste(const void *a, const void *b)
{
	const struct tm_heap_waste *x = a, *y = b;

	if (x->wasted != y->wasted)
		return x->wasted > y->wasted ? -1 : 1;
	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	return strcmp(x->type, y->type);
}

/* ---- equal strings ----------------------------------------------------------------- */

static struct tm_heap_wastes *equal_values(const struct heap_census *census,
					   const struct heap_values *found, bool values)
{
	struct tm_heap_wastes *ret = tm_calloc(1, sizeof(*ret));

	ret->items = tm_calloc(found->n + 1, sizeof(*ret->items));
	for (size_t i = 0; i < found->n; i++) {
		const struct heap_value *value = &found->items[i];
		struct tm_heap_waste *item = &ret->items[ret->n];

		if (value->count < 2)
			continue;
		*item = (struct tm_heap_waste){
			.type = heap_node_type(census, value->first),
			.count = value->count, .size = value->size,
			.wasted = value->size - census->ops->size(census, value->first),
		};
		if (values)
			item->value = tm_strdup(value->shown);
		ret->n++;
	}
	qsort(ret->items, ret->n, sizeof(*ret->items), by_waste);
	add_totals(ret);
	return ret;
}

struct tm_heap_wastes *tm_heap_duplicates(struct tm_heap *heap, bool values,
					  struct tm_err *err)
{
	struct heap_census *census = heap->census;
	const struct heap_values *kept = heap_kept_values(census);
	struct heap_values found = { 0 };
	struct tm_heap_wastes *ret;

	if (kept)
		return equal_values(census, kept, values);
	if (!census->ops->value) {
		tm_err_set(err, TM_ERR_UNSUPPORTED, NULL,
			   "files do not keep the values of strings");
		tm_err_hint(err, "ask the process, or a core of it");
		return NULL;
	}
	heap_values_collect(&found, census);
	ret = equal_values(census, &found, values);
	heap_values_free(&found);
	return ret;
}

/* ---- room to spare ------------------------------------------------------------------- */

static void count_room(struct heap_census *census, struct tm_heap_waste *by_type)
{
	for (uint32_t node = 1; node < census->graph.nodes; node++) {
		uint64_t used, allocated, wasted;
		struct tm_heap_waste *item;
		uint32_t item_size, type = heap_census_type(census, node);

		if (type == HEAP_NO_TYPE || !heap_is_owned(census, node))
			continue;
		item = &by_type[type];
		item->size += census->ops->size(census, node);
		if (heap_node_kind(census, node) != HEAP_OBJECT)
			continue;
		item->count++;
		if (census->ops->room(census, node, &used, &allocated, &item_size) &&
		    allocated > used &&
		    !__builtin_mul_overflow(allocated - used, item_size, &wasted))
			item->wasted += wasted;
	}
}

struct tm_heap_wastes *tm_heap_slack(struct tm_heap *heap, struct tm_err *err)
{
	struct heap_census *census = heap->census;
	struct tm_heap_wastes *ret;

	if (!census->ops->room) {
		tm_err_set(err, TM_ERR_UNSUPPORTED, NULL,
			   "how full its containers are is not known");
		return NULL;
	}
	ret = tm_calloc(1, sizeof(*ret));
	ret->items = tm_calloc(census->ntypes + 1u, sizeof(*ret->items));
	count_room(census, ret->items);
	for (uint32_t type = 0; type < census->ntypes; type++) {
		struct tm_heap_waste item = ret->items[type];
		struct tm_buf name = { 0 };

		if (!item.wasted)
			continue;
		heap_type_name(census, type, &name);
		item.type = name.data;
		ret->items[ret->n++] = item;
	}
	qsort(ret->items, ret->n, sizeof(*ret->items), by_waste);
	add_totals(ret);
	return ret;
}

void tm_heap_wastes_destroy(struct tm_heap_wastes *wastes)
{
	if (!wastes)
		return;
	for (size_t i = 0; i < wastes->n; i++) {
		free((char *)wastes->items[i].type);
		free((char *)wastes->items[i].value);
	}
	free(wastes->items);
	free(wastes);
}
