#include "native/code_map.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/search.h"

enum { MAX_ENTRIES = 4 << 20, MAX_LINES = 16 << 20, OVERLAPS = 64 };

void code_map_free(struct code_map *map)
{
	for (size_t i = 0; i < map->nframes; i++)
		free(map->frames[i]);
	free(map->frames);
	free(map->entries);
	free(map->lines);
	tm_intern_free(&map->texts);
	tm_intern_free(&map->places);
	*map = (struct code_map){ 0 };
}

void code_map_clear(struct code_map *map)
{
	map->n = map->nlines = 0;
}

bool code_map_add(struct code_map *map, struct code_entry entry, const char *name, size_t len)
{
	if (entry.start >= entry.end || !len || map->n == MAX_ENTRIES)
		return false;
	entry.name = tm_intern(&map->texts, name, len);
	map->entries = tm_grow(map->entries, &map->cap, map->n + 1, sizeof(*map->entries));
	map->entries[map->n++] = entry;
	map->sorted = false;
	return true;
}

bool code_map_add_line(struct code_map *map, struct code_line line, const char *file,
		       size_t len)
{
	if (map->nlines == MAX_LINES)
		return false;
	line.file = tm_intern(&map->texts, file, len);
	map->lines = tm_grow(map->lines, &map->cap_lines, map->nlines + 1,
			     sizeof(*map->lines));
	map->lines[map->nlines++] = line;
	return true;
}

static int by_start(const void *left, const void *right)
{
	const struct code_entry *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->when > b->when) - (a->when < b->when);
}

static const struct code_entry *entry_at(struct code_map *map, tm_addr at)
{
	const struct code_entry *found = NULL;
	size_t i, steps = 0;

	if (!map->sorted && map->n > 0)
		qsort(map->entries, map->n, sizeof(*map->entries), by_start);
	map->sorted = true;
	i = TM_LOWER_BOUND(map->n, k, map->entries[k].start <= at);
	for (; i > 0 && steps < OVERLAPS; i--, steps++) {
		const struct code_entry *entry = &map->entries[i - 1];

		if (at < entry->end && (!found || entry->when > found->when))
			found = entry;
	}
	return found;
}

/* The last that begins at or before `at`, in whatever order they are; NULL: none does. */
static const struct code_line *line_at(const struct code_map *map,
				       const struct code_entry *entry, tm_addr at)
{
	const struct code_line *found = NULL;

	for (uint32_t i = 0; i < entry->nlines; i++) {
		const struct code_line *line = &map->lines[entry->line + i];

		if (line->at <= at && (!found || line->at >= found->at))
			found = line;
	}
	return found;
}

const struct tm_code_frame *code_map_find(struct code_map *map, tm_addr at)
{
	const struct code_entry *entry = entry_at(map, at);
	const struct code_line *line = entry ? line_at(map, entry, at) : NULL;
	uint32_t place[3], id;

	if (!entry)
		return NULL;
	place[0] = entry->name;
	place[1] = line ? line->file : UINT32_MAX;
	place[2] = line ? line->lineno : 0;
	id = tm_intern(&map->places, place, sizeof(place));
	if (id == map->nframes) {
		struct tm_code_frame *frame = tm_calloc(1, sizeof(*frame));

		frame->function = map->texts.items[entry->name].bytes;
		frame->filename = line ? map->texts.items[line->file].bytes : NULL;
		frame->lineno = place[2];
		map->frames = tm_grow(map->frames, &map->cap_frames, map->nframes + 1,
				      sizeof(*map->frames));
		map->frames[map->nframes++] = frame;
	}
	return map->frames[id];
}
