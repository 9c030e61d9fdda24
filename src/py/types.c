#include <string.h>

#include "base/alloc.h"
#include "base/load.h"
#include "py/census_private.h"

enum {
	/* PyTypeObject, the same from 3.7 to 3.15 up to tp_mro */
	OB_TYPE = 8, TP_NAME = 24, BASICSIZE = 32, ITEMSIZE = 40, FLAGS = 168,
	WEAKLIST = 208, BASE = 256, DICTOFFSET = 288,
	TYPE_HEAD = 336,
	MAX_BASES = 64, MAX_METATYPES = 8,
	MAX_NAME = 256,
	MAX_BASICSIZE = 1 << 24,
};

#define NOT_A_TYPE (UINT32_MAX - 1)

static const struct { const char *name; enum py_kind kind; uint16_t memory; } kinds[] = {
#define PY_KIND(name, kind) { name, PY_KIND_##kind, 0 },
#define PY_OWNER(name, offset) { name, PY_KIND_OPAQUE, offset },
#include "py/kinds.def"
#undef PY_OWNER
#undef PY_KIND
};

/* Static types are in an image's data; those made at run time are larger than
 * any block of a pool. */
static bool may_be_type(const struct py_census *census, tm_addr at)
{
	const struct tm_region *region;
	uint64_t off;
	uint32_t node;

	if (at % 8 || at == 0)
		return false;
	node = heap_blocks_find(&census->blocks, at, &off);
	/* A free-threaded build has blocks of all sizes in pages. */
	if (node)
		return (census->front || node >= census->blocks.nsmall) &&
		       heap_blocks_size(&census->blocks, node) - off >= TYPE_HEAD;
	if (heap_blocks_covers(&census->blocks, at))
		return false;
	/* The data of an image and its zeroed part are two regions. */
	region = tm_maps_find(census->maps, at);
	if (region && region->readable && region->end - at < TYPE_HEAD)
		region = tm_maps_find(census->maps, at + TYPE_HEAD - 1);
	return region && region->readable;
}

static bool read_head(const struct py_census *census, tm_addr at, char *head)
{
	struct tm_err err;

	return may_be_type(census, at) &&
	       tm_mem_read(census->mem, py_body(census, at), head, TYPE_HEAD, &err);
}

/* The type of a type is `type`, or something derived from it, and so is its. */
static bool is_metatype(const struct py_census *census, tm_addr at)
{
	char head[TYPE_HEAD];

	for (int i = 0; i < MAX_METATYPES; i++) {
		if (at == census->type_type)
			return true;
		if (!read_head(census, at, head) ||
		    !(tm_load_u32(head, FLAGS) & PY_TYPE_IS_TYPE))
			return false;
		at = tm_load_u64(head, OB_TYPE);
	}
	return false;
}

static bool read_name(const struct py_census *census, const char *head, char *name)
{
	struct tm_err err;

	return tm_mem_cstr(census->mem, tm_load_u64(head, TP_NAME), name, MAX_NAME,
			   &err) && name[0];
}

static bool is_type(const struct py_census *census, const char *head, char *name)
{
	const uint32_t flags = tm_load_u32(head, FLAGS);
	const uint64_t size = tm_load_u64(head, BASICSIZE);
	const uint64_t item = tm_load_u64(head, ITEMSIZE);

	if (size < census->front + 16 || size > MAX_BASICSIZE || item > MAX_BASICSIZE ||
	    !read_name(census, head, name))
		return false;
	/* functools._lru_list_elem is ready once an attribute of it has been
	 * read, until 3.9; its ob_type is set by PyType_Ready(), too. */
	if (!(flags & PY_TYPE_READY))
		return strcmp(name, "functools._lru_list_elem") == 0;
	return is_metatype(census, tm_load_u64(head, OB_TYPE));
}

/* ---- what it means -------------------------------------------------------------- */

static uint8_t offset_of(const struct py_census *census, uint32_t flags)
{
	uint32_t offset = 0;

	if (flags & PY_TYPE_HAS_GC)
		offset += census->gc_head;
	if (flags & census->layout->preheader_flags)
		offset += 16;
	return (uint8_t)offset;
}

static bool find_kind(struct py_type *type, const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0) {
			/* A class of the program that is called list is none. */
			if (type->flags & PY_TYPE_HEAP && !strchr(name, '.'))
				return false;
			type->kind = kinds[i].kind;
			type->memory = kinds[i].memory;
			return true;
		}
	return false;
}

/* Its own, or that of its base. */
static void set_kind(struct py_census *census, struct py_type *type,
		     const char *name, uint32_t base)
{
	if (find_kind(type, name)) {
		type->own = type->kind == PY_KIND_OPAQUE ? 16 : type->basicsize;
	} else if (base != PY_NO_TYPE) {
		type->kind = census->types[base].kind;
		type->memory = census->types[base].memory;
		type->own = census->types[base].own;
	} else {
		type->own = 16;
	}
	type->slots = UINT32_MAX;
	if (type->flags & PY_TYPE_HEAP && !strchr(name, '.') && base != PY_NO_TYPE) {
		const struct py_type *parent = &census->types[base];

		type->slots = parent->slots < parent->basicsize ? parent->slots
							       : parent->basicsize;
	}
	type->fixed = type->itemsize == 0 && type->kind != PY_KIND_STR &&
		      type->kind != PY_KIND_DATETIME &&
		      !(type->flags & PY_TYPE_INLINE_VALUES &&
			census->layout->values == PY_VALUES_INLINE);
}

static uint32_t learn(struct py_census *census, tm_addr at, int depth);

static uint32_t known(struct py_census *census, tm_addr at, int depth)
{
	uint32_t index = tm_map_get(&census->type_map, at);

	return index == TM_MAP_NONE ? learn(census, at, depth) : index;
}

static uint32_t learn(struct py_census *census, tm_addr at, int depth)
{
	char head[TYPE_HEAD], name[MAX_NAME];
	struct py_type type = { .at = at };
	uint32_t base = PY_NO_TYPE, index = NOT_A_TYPE;
	uint64_t off;

	if (depth < MAX_BASES && read_head(census, at, head) &&
	    is_type(census, head, name)) {
		type.name = tm_load_u64(head, TP_NAME);
		type.base = tm_load_u64(head, BASE);
		type.flags = tm_load_u32(head, FLAGS);
		type.basicsize = (uint32_t)tm_load_u64(head, BASICSIZE) - census->front;
		type.itemsize = (uint32_t)tm_load_u64(head, ITEMSIZE);
		type.dict = (int32_t)tm_load_u64(head, DICTOFFSET);
		if (type.dict > 0)
			type.dict -= (int32_t)census->front;
		if ((int64_t)tm_load_u64(head, WEAKLIST) > 0)
			type.weaklist = (uint32_t)tm_load_u64(head, WEAKLIST) - census->front;
		type.node = heap_blocks_find(&census->blocks, at, &off);
		type.offset = offset_of(census, type.flags);
		if (type.base)
			base = known(census, type.base, depth + 1);
		set_kind(census, &type, name, base < NOT_A_TYPE ? base : PY_NO_TYPE);
		census->types = tm_grow(census->types, &census->cap_types,
					census->ntypes + 1, sizeof(type));
		index = (uint32_t)census->ntypes++;
		census->types[index] = type;
	}
	*tm_map_put(&census->type_map, at) = index;
	return index;
}

uint32_t py_type_index(struct py_census *census, tm_addr at)
{
	const size_t slot = (at >> 4 ^ at >> 16) & (PY_TYPE_CACHE - 1);
	uint32_t index;

	if (census->type_cache[slot].at == at)
		return census->type_cache[slot].index;
	if (!may_be_type(census, at))
		return PY_NO_TYPE;
	index = known(census, at, 0);
	if (index == NOT_A_TYPE)
		index = PY_NO_TYPE;
	census->type_cache[slot].at = at;
	census->type_cache[slot].index = index;
	return index;
}

bool py_types_begin(struct py_census *census, struct tm_err *err)
{
	tm_addr at, self;

	if (!tm_mem_u64(census->mem, py_body(census, census->runtime.str.type) + OB_TYPE, &at,
			err) ||
	    !tm_mem_u64(census->mem, py_body(census, at) + OB_TYPE, &self, err))
		return false;
	if (at != self)
		return tm_err_set(err, TM_ERR_CORRUPT, census->runtime.name,
				  "`type' is not its own type");
	census->type_type = at;
	/* Every address has a slot: an empty one says that address 0 is no type. */
	for (size_t i = 0; i < PY_TYPE_CACHE; i++) {
		census->type_cache[i].at = 0;
		census->type_cache[i].index = PY_NO_TYPE;
	}
	return true;
}
