#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/load.h"
#include "py/census_private.h"
#include "py/dict.h"
#include "py/str.h"

enum {
	TP_NAME = 24, TP_FLAGS = 168, TP_DICT = 264, TP_MEMBERS = 240, TP_BASE = 256,
	MAX_TEXT = 4096, MAX_NAME = 1024,
	TUPLE_SIZE = 16, MAX_TUPLE = 1 << 20,
	/* PyMemberDef: name, type, offset, flags, doc */
	MEMBER_SIZE = 40, MEMBER_TYPE = 8, MEMBER_OFFSET = 16, MAX_MEMBERS = 1024,
	MEMBER_OBJECT = 6, MEMBER_OBJECT_EX = 16,
};

const char *py_text(struct py_census *census, tm_addr str)
{
	TM_GUARD(tm_buf_free) struct tm_buf buf = { 0 };
	struct tm_err ignored;

	if (!str || !py_str_read(census->mem, &census->runtime.str, str, &buf, &ignored) ||
	    buf.len > MAX_TEXT)
		return NULL;
	return tm_arena_bytes(&census->base.strings, buf.data ? buf.data : "", buf.len);
}

uint32_t py_local(struct py_census *census, tm_addr code, uint64_t i)
{
	struct tm_err ignored;
	tm_addr str;

	if (census->locals.code != code) {
		census->locals.code = code;
		census->locals.n = 0;
		if (code && tm_mem_u64(census->mem, py_body(census, code) + census->layout->code_names,
				       &census->locals.names, &ignored) &&
		    (!tm_mem_u64(census->mem, py_body(census, census->locals.names) + TUPLE_SIZE,
				 &census->locals.n, &ignored) ||
		     census->locals.n > MAX_TUPLE))
			census->locals.n = 0;
	}
	if (i >= census->locals.n ||
	    !tm_mem_u64(census->mem,
			py_body(census, census->locals.names) + py_tuple_items(census) + i * 8, &str,
			&ignored))
		return 0;
	return py_key(census, str);
}

/* ---- types -------------------------------------------------------------------------------- */

static const char *c_string(struct py_census *census, tm_addr at)
{
	char name[MAX_NAME];
	struct tm_err ignored;

	if (!tm_mem_cstr(census->mem, at, name, sizeof(name), &ignored))
		return "?";
	return tm_arena_bytes(&census->base.strings, name, strlen(name));
}

/* Python's classes have a qualified name and a module of their own; others say
 * both in tp_name. */
static void name_type(struct py_census *census, const struct py_type *type,
		      struct heap_type *ret)
{
	const char *name = c_string(census, type->name), *dot = strrchr(name, '.');
	struct tm_err ignored;
	tm_addr at;

	ret->module = "builtins";
	ret->name = name;
	if (dot) {
		ret->module = tm_arena_bytes(&census->base.strings, name,
					     (size_t)(dot - name));
		ret->name = dot + 1;
	}
	if (!(type->flags & PY_TYPE_HEAP))
		return;
	if (tm_mem_u64(census->mem, py_body(census, type->at) + census->layout->ht_qualname, &at,
		       &ignored)) {
		const char *qualified = py_text(census, at);

		ret->name = qualified ? qualified : ret->name;
	}
	if (!dot && tm_mem_u64(census->mem, py_body(census, type->at) + TP_DICT, &at, &ignored)) {
		ret->module = NULL;
		if (py_dict_find(census->mem, &census->runtime, at, "__module__", &at))
			ret->module = py_text(census, at);
		if (!ret->module)
			ret->module = "?";
	}
}

/* ---- what their words are called ------------------------------------------------------------ */

struct fields {
	struct heap_field *items;
	size_t n, cap;
};

static int compare_fields(const void *left, const void *right)
{
	const struct heap_field *a = left, *b = right;

	return (a->offset > b->offset) - (a->offset < b->offset);
}

static void add_members(struct py_census *census, tm_addr type, struct fields *fields)
{
	struct tm_err ignored;
	tm_addr at;

	if (!tm_mem_u64(census->mem, py_body(census, type) + TP_MEMBERS, &at, &ignored) || !at)
		return;
	for (int i = 0; i < MAX_MEMBERS; i++, at += MEMBER_SIZE) {
		char member[MEMBER_SIZE];
		uint32_t kind;

		if (!tm_mem_read(census->mem, at, member, sizeof(member), &ignored) ||
		    tm_load_u64(member, 0) == 0)
			return;
		kind = tm_load_u32(member, MEMBER_TYPE);
		if (kind != MEMBER_OBJECT && kind != MEMBER_OBJECT_EX)
			continue;
		fields->items = tm_grow(fields->items, &fields->cap, fields->n + 1,
					sizeof(*fields->items));
		fields->items[fields->n++] = (struct heap_field){
			.offset = (uint32_t)tm_load_u64(member, MEMBER_OFFSET),
			.name = c_string(census, tm_load_u64(member, 0)),
		};
	}
}

static bool has_field(const struct fields *fields, uint32_t offset)
{
	for (size_t i = 0; i < fields->n; i++)
		if (fields->items[i].offset == offset)
			return true;
	return false;
}

/* A class statement may give a type any name: only static types are meant. */
static void add_known(struct py_census *census, tm_addr type, struct fields *fields)
{
	static const struct known_field {
		const char *type, *name;
		uint16_t offset, first, last;
	} known[] = {
#define PY_FIELD(type, name, offset, first, last) { type, name, offset, first, last },
#include "py/fields.def"
	};
	const unsigned minor = census->runtime.layout->minor;
	struct tm_err ignored;
	uint64_t flags;
	tm_addr at;
	char name[32];

	if (!tm_mem_u64(census->mem, py_body(census, type) + TP_FLAGS, &flags, &ignored) ||
	    (flags & PY_TYPE_HEAP) || !tm_mem_u64(census->mem, py_body(census, type) + TP_NAME, &at, &ignored) ||
	    !tm_mem_cstr(census->mem, at, name, sizeof(name), &ignored))
		return;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].type, name) != 0 || minor < known[i].first ||
		    minor > known[i].last ||
		    has_field(fields, known[i].offset + census->front))
			continue;
		fields->items = tm_grow(fields->items, &fields->cap, fields->n + 1,
					sizeof(*fields->items));
		fields->items[fields->n++] = (struct heap_field){
			.offset = known[i].offset + census->front, .name = known[i].name,
		};
	}
}

/* Its own and those of its bases. */
static void name_fields(struct py_census *census, const struct py_type *type,
			struct heap_type *ret)
{
	struct fields fields = { 0 };
	struct tm_err ignored;
	tm_addr at = type->at;

	for (int i = 0; at && i < 64; i++) {
		add_members(census, at, &fields);
		add_known(census, at, &fields);
		if (!tm_mem_u64(census->mem, py_body(census, at) + TP_BASE, &at, &ignored))
			break;
	}
	if (fields.n == 0)
		return;
	qsort(fields.items, fields.n, sizeof(*fields.items), compare_fields);
	ret->nfields = (uint32_t)fields.n;
	ret->fields = memcpy(tm_arena_alloc(&census->base.strings,
					    fields.n * sizeof(*fields.items)),
			     fields.items, fields.n * sizeof(*fields.items));
	free(fields.items);
}

struct attributes {
	const char **items;
	uint32_t n;
};

/* The keys of a table, by their number. */
static void name_attributes(struct py_census *census, const struct py_type *type,
			    struct heap_type *ret)
{
	struct attributes attributes = { 0 };
	struct py_keys shape;
	struct tm_err ignored;
	tm_addr keys, key;

	if (!(type->flags & PY_TYPE_HEAP) ||
	    !tm_mem_u64(census->mem, py_body(census, type->at) + census->layout->ht_cached_keys, &keys,
			&ignored) ||
	    !keys || !py_keys_read(census->mem, &census->runtime.layout->dict, keys, &shape) || shape.n == 0 || shape.n > 256)
		return;
	attributes.items = tm_arena_alloc(&census->base.strings,
					  shape.n * sizeof(*attributes.items));
	for (uint64_t i = 0; i < shape.n; i++) {
		tm_addr at = keys + shape.entries + i * shape.stride + shape.key;

		attributes.items[i] = tm_mem_u64(census->mem, at, &key, &ignored)
			? py_text(census, key) : NULL;
	}
	ret->attributes = attributes.items;
	ret->nattributes = (uint32_t)shape.n;
}

void py_names(struct py_census *census)
{
	struct heap_census *base = &census->base;

	base->ntypes = (uint32_t)census->ntypes;
	base->types = tm_calloc(census->ntypes, sizeof(*base->types));
	for (size_t i = 0; i < census->ntypes; i++) {
		const struct py_type *type = &census->types[i];
		struct heap_type *ret = &base->types[i];
		uint32_t parent = type->base ? tm_map_get(&census->type_map, type->base)
					     : TM_MAP_NONE;

		ret->address = type->at;
		ret->flags = type->flags;
		ret->basicsize = type->basicsize + census->front;
		ret->itemsize = type->itemsize;
		ret->base = parent < census->ntypes ? parent : HEAP_NO_TYPE;
		name_type(census, type, ret);
		if (census->names) {
			name_fields(census, type, ret);
			name_attributes(census, type, ret);
		}
	}
}
