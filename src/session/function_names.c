#include "session/function_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

#define NAMELESS (TM_MAP_NONE - 1)

struct tm_function_names *tm_function_names_create(void)
{
	return tm_calloc(1, sizeof(struct tm_function_names));
}

void tm_function_names_destroy(struct tm_function_names *self)
{
	if (!self)
		return;
	tm_intern_free(&self->files);
	tm_intern_free(&self->names);
	tm_map_free(&self->lines);
	tm_map_free(&self->passing);
	free(self);
}

void tm_function_names_begin(struct tm_function_names *self)
{
	tm_map_free(&self->passing);
	self->lacking = false;
}

uint32_t tm_function_names_file(struct tm_function_names *self, struct tm_text filename)
{
	return tm_intern(&self->files, filename.bytes, filename.len);
}

static bool is_passing(struct tm_text filename)
{
	static const char frozen[] = "<frozen ";
	const size_t len = sizeof(frozen) - 1;

	return filename.len && filename.bytes[0] == '<' &&
	       (filename.len < len || memcmp(filename.bytes, frozen, len) != 0);
}

static uint64_t key_of(uint32_t file, uint32_t lineno)
{
	return (uint64_t)file << 32 | lineno;
}

bool tm_function_names_lacks(struct tm_function_names *self, struct tm_text filename,
			     uint32_t lineno)
{
	uint32_t file = tm_function_names_file(self, filename);

	return !self->unsupported && !is_passing(filename) &&
	       tm_map_get(&self->lines, key_of(file, lineno)) == TM_MAP_NONE;
}

void tm_function_names_add(struct tm_function_names *self, struct tm_text filename,
			   uint32_t lineno, const char *name)
{
	uint32_t file = tm_function_names_file(self, filename);
	struct tm_map *map = is_passing(filename) ? &self->passing : &self->lines;
	uint32_t number = name ? tm_intern(&self->names, name, strlen(name)) : NAMELESS;

	*tm_map_put(map, key_of(file, lineno)) = number;
}

const char *tm_function_names_at(struct tm_function_names *self,
				 struct tm_text filename, uint32_t lineno)
{
	uint32_t file = tm_intern_find(&self->files, filename.bytes, filename.len);
	const struct tm_map *map = is_passing(filename) ? &self->passing : &self->lines;
	uint32_t name = file == UINT32_MAX ? TM_MAP_NONE :
					     tm_map_get(map, key_of(file, lineno));

	self->lacking |= name == TM_MAP_NONE && !self->unsupported && !is_passing(filename);
	return name < self->names.n ? self->names.items[name].bytes : NULL;
}
