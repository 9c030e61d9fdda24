#include "lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

/* A cache that has grown beyond this is emptied: users do not scroll back that far. */
#define LINES_MAX 20000

static void line_deinit(struct line *line)
{
	free(line->filename);
	free(line->text);
	free(line->function);
}

void line_list_deinit(struct line_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		line_deinit(&list->items[i]);
	free(list->items);
	*list = (struct line_list){ 0 };
}

void lines_deinit(struct lines *lines)
{
	for (size_t i = 0; i < lines->nslots; i++) {
		if (lines->slots[i])
			line_deinit(lines->slots[i]);
		free(lines->slots[i]);
	}
	free(lines->slots);
	*lines = (struct lines){ 0 };
}

static size_t line_hash(struct tm_text filename, uint32_t lineno)
{
	uint64_t h = 14695981039346656037u ^ lineno; /* FNV-1a */

	for (size_t i = 0; i < filename.len; i++)
		h = (h ^ (unsigned char)filename.bytes[i]) * 1099511628211u;
	return (size_t)(h ^ h >> 29);
}

static struct line **find_slot(struct lines *lines, struct tm_text filename,
			       uint32_t lineno)
{
	size_t i = line_hash(filename, lineno) & (lines->nslots - 1);

	for (;; i = (i + 1) & (lines->nslots - 1)) {
		struct line *line = lines->slots[i];

		if (!line || (line->lineno == lineno &&
			      line->filename_len == filename.len &&
			      memcmp(line->filename, filename.bytes,
				     filename.len) == 0))
			return &lines->slots[i];
	}
}

static void make_room(struct lines *lines)
{
	struct lines old = *lines;

	if (lines->n >= LINES_MAX) {
		lines_deinit(lines);
		old = (struct lines){ 0 };
	}
	if (lines->nslots && lines->n * 2 < lines->nslots)
		return;
	lines->nslots = old.nslots ? old.nslots * 2 : 256;
	lines->slots = tm_calloc(lines->nslots, sizeof(*lines->slots));
	for (size_t i = 0; i < old.nslots; i++) {
		struct line *line = old.slots[i];

		if (line)
			*find_slot(lines, (struct tm_text){ line->filename,
							    line->filename_len },
				   line->lineno) = line;
	}
	free(old.slots);
}

const struct line *lines_find(struct lines *lines, struct tm_text filename,
			      uint32_t lineno)
{
	struct line **slot;

	make_room(lines);
	slot = find_slot(lines, filename, lineno);
	if (*slot)
		return (*slot)->known ? *slot : NULL;
	*slot = tm_calloc(1, sizeof(**slot));
	(*slot)->filename = tm_memdup(filename.bytes, filename.len);
	(*slot)->filename_len = filename.len;
	(*slot)->lineno = lineno;
	lines->n++;
	lines->wanted++;
	return NULL;
}

void lines_take_wanted(struct lines *lines, struct line_list *ret)
{
	*ret = (struct line_list){ 0 };
	if (lines->wanted == 0)
		return;
	ret->items = tm_calloc(lines->wanted, sizeof(*ret->items));
	for (size_t i = 0; i < lines->nslots; i++) {
		struct line *line = lines->slots[i];

		if (!line || line->known || line->asked)
			continue;
		line->asked = true;
		ret->items[ret->n] = *line;
		ret->items[ret->n++].filename = tm_memdup(line->filename,
							line->filename_len);
	}
	lines->wanted = 0;
}

void lines_answer(struct lines *lines, struct line_list *list)
{
	for (size_t i = 0; lines->nslots && i < list->n; i++) {
		struct line *answer = &list->items[i];
		struct line *line = *find_slot(
			lines, (struct tm_text){ answer->filename,
						 answer->filename_len },
			answer->lineno);

		if (!line || line->known)
			continue; /* the cache has been emptied since */
		line->known = true;
		line->text = answer->text;
		line->function = answer->function;
		answer->text = answer->function = NULL;
	}
	line_list_deinit(list);
}
