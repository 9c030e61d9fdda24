#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "heap/kept.h"
#include "py/census_private.h"
#include "py/dict.h"

enum {
	OB_TYPE = 8,
	MAX_KEYS = UINT16_MAX,       /* of a table that is shared */
	MAX_TABLES = PY_VALUES_ATTRIBUTES,
};

/* ---- static objects --------------------------------------------------------------- */

/*
 * Since 3.11 many strings, and small integers, are in an image of the interpreter
 * (Include/internal/pycore_global_strings.h, deep-frozen modules).
 */
static uint32_t add_static(struct py_census *census, tm_addr at)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	struct tm_err ignored;
	uint32_t type;
	tm_addr type_at;

	if (at % 8 || heap_blocks_covers(&census->blocks, at) ||
	    !tm_mem_u64(census->mem, py_body(census, at) + OB_TYPE, &type_at, &ignored))
		return 0;
	type = py_type_index(census, type_at);
	if (type == PY_NO_TYPE ||
	    !py_literal(census, &census->types[type], at, &text) ||
	    text.len > HEAP_KEY_LIMIT || memchr(text.data, '\0', text.len))
		return 0;
	return heap_census_add_key(&census->base,
				   tm_arena_bytes(&census->base.strings, text.data,
						  text.len));
}

uint32_t py_key(struct py_census *census, tm_addr at)
{
	uint64_t off;
	uint32_t *key;

	if (at == 0)
		return 0;
	if (heap_blocks_find(&census->blocks, at, &off))
		return py_object_node(census, at);
	key = tm_map_put(&census->key_map, at);
	if (*key == TM_MAP_NONE)
		*key = add_static(census, at);
	return *key;
}

/* ---- tables ------------------------------------------------------------------------ */

uint32_t py_shared(struct py_census *census, tm_addr keys)
{
	uint32_t *index = tm_map_put(&census->table_map, keys);
	struct py_keys shape;

	if (*index != TM_MAP_NONE)
		return *index;
	*index = 0;
	if (census->ntables + 1 >= MAX_TABLES ||
	    !py_keys_read(census->mem, &census->runtime.layout->dict, keys, &shape))
		return 0;
	census->tables = tm_grow(census->tables, &census->cap_tables,
				 census->ntables + 1, sizeof(*census->tables));
	census->tables[census->ntables++] = (struct py_shared){
		keys, (uint32_t)(shape.n < MAX_KEYS ? shape.n : MAX_KEYS), NULL,
	};
	return *index = (uint32_t)census->ntables;
}

uint32_t py_shared_length(const struct py_census *census, uint32_t table)
{
	return table ? census->tables[table - 1].n : 0;
}

static void read_keys(struct py_census *census, struct py_shared *table)
{
	struct py_keys shape;
	struct tm_err ignored;

	table->keys = tm_calloc(table->n + 1u, sizeof(*table->keys));
	if (!py_keys_read(census->mem, &census->runtime.layout->dict, table->at, &shape))
		return;
	for (uint32_t i = 0; i < table->n && i < shape.n; i++) {
		tm_addr entry = table->at + shape.entries + (uint64_t)i * shape.stride;
		tm_addr key;

		if (tm_mem_u64(census->mem, entry + shape.key, &key, &ignored))
			table->keys[i] = py_key(census, key);
	}
}

uint32_t py_shared_key(struct py_census *census, uint32_t table, uint64_t i)
{
	struct py_shared *self = &census->tables[table - 1];

	if (i >= self->n)
		return 0;
	if (!self->keys)
		read_keys(census, self);
	return self->keys[i];
}

void py_keys_free(struct py_census *census)
{
	for (size_t i = 0; i < census->ntables; i++)
		free(census->tables[i].keys);
	free(census->tables);
	tm_map_free(&census->table_map);
	tm_map_free(&census->key_map);
}
