#include "heap/refs_lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* Of one path, so many are told. */
enum { LINES = 10 };

static uint32_t add(struct heap_ref_lines *self, uint32_t pattern,
		    const struct heap_line *line)
{
	uint32_t *first = tm_map_put(&self->first, pattern);

	self->items = tm_grow(self->items, &self->cap, self->n + 1, sizeof(*self->items));
	self->items[self->n] = (struct heap_ref_line){ line, 0, *first };
	return *first = (uint32_t)self->n++;
}

void heap_ref_lines_count(struct heap_ref_lines *self, const struct heap_census *census,
			  uint32_t pattern, uint32_t node)
{
	const struct heap_line *line = heap_allocated_at(census, node);
	uint32_t *number;

	if (!line)
		return;
	number = tm_map_put(&self->numbers, (uint64_t)pattern << 32 |
			    (uint32_t)(line - census->allocated->lines));
	if (*number == TM_MAP_NONE)
		*number = add(self, pattern, line);
	self->items[*number].count++;
}

static int by_count(const void *a, const void *b)
{
	const struct tm_heap_line *x = a, *y = b;
	int order;

	if (x->count != y->count)
		return x->count > y->count ? -1 : 1;
	order = strcmp(x->filename, y->filename);
	return order ? order : (x->lineno > y->lineno) - (x->lineno < y->lineno);
}

void heap_ref_lines_take(const struct heap_ref_lines *self, uint32_t pattern,
			 struct tm_heap_path *path)
{
	struct tm_heap_line *all = NULL;
	size_t n = 0, cap = 0;

	for (uint32_t i = tm_map_get(&self->first, pattern); i != TM_MAP_NONE;
	     i = self->items[i].next) {
		const struct heap_ref_line *item = &self->items[i];

		all = tm_grow(all, &cap, n + 1, sizeof(*all));
		all[n++] = (struct tm_heap_line){
			.filename = item->line->filename, .lineno = item->line->lineno,
			.count = item->count,
		};
	}
	if (n)
		qsort(all, n, sizeof(*all), by_count);
	path->lines = all;
	path->nlines = n < LINES ? n : LINES;
	for (size_t i = 0; i < path->nlines; i++)
		all[i].filename = tm_strdup(all[i].filename);
}

void heap_ref_lines_free(struct heap_ref_lines *self)
{
	tm_map_free(&self->numbers);
	tm_map_free(&self->first);
	free(self->items);
}
