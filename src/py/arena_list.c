#include "py/obmalloc.h"

#include <stdlib.h>

void py_arena_list_free(struct py_arena_list *list)
{
	free(list->items);
	*list = (struct py_arena_list){ 0 };
}

static int compare_arenas(const void *left, const void *right)
{
	const struct py_arena *a = left, *b = right;

	return (a->address > b->address) - (a->address < b->address);
}

bool py_arena_list_overlaps(struct py_arena_list *list)
{
	qsort(list->items, list->n, sizeof(*list->items), compare_arenas);
	for (size_t i = 1; i < list->n; i++)
		if (list->items[i].address - list->items[i - 1].address <
		    list->items[i - 1].size)
			return true;
	return false;
}
