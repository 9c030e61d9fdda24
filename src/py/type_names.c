#include "py/type_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/load.h"

enum {
	/* PyTypeObject, the same from 3.7 to 3.15 (release builds). */
	TP_NAME = 24, TP_BASICSIZE = 32, TP_FLAGS = 168, TP_BASE = 256,
	TYPE_SIZE = 264,
	FLAG_HEAP = 1 << 9,
	MAX_TYPES = 1 << 20, MAX_BASES = 64,
};

void py_type_names_free(struct py_type_names *names)
{
	tm_map_free(&names->index);
	free(names->items);
	*names = (struct py_type_names){ 0 };
}

/* Types that no Python code has met may lack Py_TPFLAGS_READY: those of the
 * wrappers of asynchronous generators until 3.11. */
static bool is_name(const char *name)
{
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c <= ' ' || *c == 0x7f)
			return false;
	return *name != '\0';
}

static void read_type(struct py_type_names *names, tm_addr at,
		      struct py_type_name *ret)
{
	char bytes[TYPE_SIZE];
	struct tm_err err;
	uint64_t flags;

	*ret = (struct py_type_name){ 0 };
	if (at % 8 || !tm_mem_read(names->mem, at, bytes, sizeof(bytes), &err))
		return;
	flags = tm_load_u64(bytes, TP_FLAGS);
	if (!tm_mem_cstr(names->mem, tm_load_u64(bytes, TP_NAME), ret->name,
			 sizeof(ret->name), &err) || !is_name(ret->name)) {
		ret->name[0] = '\0';
		return;
	}
	ret->heap = flags & FLAG_HEAP;
	ret->size = tm_load_u64(bytes, TP_BASICSIZE) > UINT16_MAX ? 0 :
		tm_load_u32(bytes, TP_BASICSIZE);
	ret->base = tm_load_u64(bytes, TP_BASE);
}

struct py_type_name *py_type_at(struct py_type_names *names, tm_addr type)
{
	uint32_t i = tm_map_get(&names->index, type);

	if (i != TM_MAP_NONE)
		return &names->items[i];
	if (names->n == MAX_TYPES) {
		tm_map_free(&names->index);
		names->n = 0;
	}
	i = (uint32_t)names->n;
	names->items = tm_grow(names->items, &names->cap, names->n + 1,
			       sizeof(*names->items));
	read_type(names, type, &names->items[names->n++]);
	*tm_map_put(&names->index, type) = i;
	return &names->items[i];
}

static tm_addr type_of(struct py_type_names *names, tm_addr object)
{
	struct tm_err err;
	tm_addr type = 0;

	if (!object || object % 8 ||
	    !tm_mem_u64(names->mem, object + names->runtime->str.ob_type, &type,
			&err))
		return 0;
	return type;
}

struct py_type_name *py_type_of(struct py_type_names *names, tm_addr object)
{
	return py_type_at(names, type_of(names, object));
}

bool py_type_is(struct py_type_names *names, tm_addr object, const char *name)
{
	const struct py_type_name *type = py_type_of(names, object);

	return strcmp(type->name, name) == 0 && (!type->heap || strchr(name, '.'));
}

tm_addr py_type_base(struct py_type_names *names, tm_addr type, const char *name)
{
	for (unsigned i = 0; type && i < MAX_BASES; i++) {
		const struct py_type_name *item = py_type_at(names, type);

		if (strcmp(item->name, name) == 0)
			return type;
		type = item->base;
	}
	return 0;
}
