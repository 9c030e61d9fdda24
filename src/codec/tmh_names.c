#include "codec/tmh_reader.h"

#include <string.h>

#include "base/alloc.h"
#include "codec/codec.h"

void tmh_get_string(struct tmh_reader *r)
{
	struct tmh_census *self = r->self;
	uint64_t len = tms_in_bounded(r->in, CODEC_MAX_STRING, "a name that is too long");
	char *text;

	if (tms_in_failed(r->in))
		return;
	if (len > tms_in_left(r->in)) {
		tmh_corrupt(r, "a record crosses the end of its chunk");
		return;
	}
	text = tm_arena_alloc(&r->census->strings, (size_t)len + 1);
	tms_in_bytes(r->in, text, (size_t)len);
	text[len] = '\0';
	if (memchr(text, '\0', (size_t)len))
		tmh_corrupt(r, "a NUL in a name");
	self->strings = tm_grow(self->strings, &self->strings_cap, self->nstrings + 1,
				sizeof(*self->strings));
	self->strings[self->nstrings++] = text;
}

const char *tmh_get_name(struct tmh_reader *r, bool optional)
{
	uint64_t number = tms_in_varint(r->in);

	if (optional && number-- == 0)
		return NULL;
	if (number < r->self->nstrings)
		return r->self->strings[number];
	tmh_corrupt(r, "a name that is not in the file");
	return "";
}

/* The number of records that follow, each at least a byte long. */
static uint32_t get_count(struct tmh_reader *r)
{
	return (uint32_t)tms_in_bounded(r->in, tms_in_left(r->in),
					"a list longer than its chunk");
}

static void get_fields(struct tmh_reader *r, struct heap_type *type)
{
	uint32_t n = get_count(r);
	struct heap_field *fields =
		tm_arena_alloc(&r->census->strings, (n + 1) * sizeof(*fields));

	for (uint32_t i = 0; i < n && !tms_in_failed(r->in); i++) {
		fields[i].offset = tmh_get_u32(r);
		fields[i].name = tmh_get_name(r, false);
	}
	type->fields = fields;
	type->nfields = tms_in_failed(r->in) ? 0 : n;
}

static void get_attributes(struct tmh_reader *r, struct heap_type *type)
{
	uint32_t n = get_count(r);
	const char **names =
		tm_arena_alloc(&r->census->strings, (n + 1) * sizeof(*names));

	for (uint32_t i = 0; i < n && !tms_in_failed(r->in); i++)
		names[i] = tmh_get_name(r, true);
	type->attributes = names;
	type->nattributes = tms_in_failed(r->in) ? 0 : n;
}

void tmh_get_type(struct tmh_reader *r)
{
	struct heap_census *census = r->census;
	struct heap_type type = { 0 };
	uint32_t base;

	if (census->graph.nodes)
		tmh_corrupt(r, "a type after the nodes");
	type.name = tmh_get_name(r, true);
	type.module = tmh_get_name(r, true);
	type.address = tms_in_varint(r->in);
	base = tmh_get_u32(r);
	type.base = base ? base - 1 : HEAP_NO_TYPE;
	type.flags = tmh_get_u32(r);
	type.basicsize = tmh_get_u32(r);
	type.itemsize = tmh_get_u32(r);
	get_fields(r, &type);
	get_attributes(r, &type);
	census->types = tm_grow(census->types, &r->self->types_cap, census->ntypes + 1u,
				sizeof(*census->types));
	census->types[census->ntypes++] = type;
}

void tmh_get_root(struct tmh_reader *r)
{
	struct heap_census *census = r->census;
	struct heap_root root;

	root.kind = (enum heap_root_kind)tms_in_bounded(r->in, HEAP_ROOT_IMMORTAL,
							"an unknown kind of root");
	root.name = tmh_get_name(r, false);
	root.local = tmh_get_name(r, true);
	census->roots = tm_grow(census->roots, &r->self->roots_cap, census->nroots + 1u,
				sizeof(*census->roots));
	census->roots[census->nroots++] = root;
}
