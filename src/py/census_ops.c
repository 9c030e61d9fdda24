#include <stdlib.h>

#include "base/big.h"
#include "base/guard.h"
#include "py/census_private.h"
#include "py/str.h"

enum {
	OB_SIZE = 16, LIST_ALLOCATED = 32, BYTES_DATA = 32,
	TP_BYTES = 1 << 27, TP_STR = 1 << 28,
	LIST_WORD = 8,
};

static const struct py_census *self(const struct heap_census *census)
{
	return (const struct py_census *)census;
}

static uint64_t address(const struct heap_census *census, uint32_t node)
{
	return heap_blocks_address(&self(census)->blocks, node);
}

static uint64_t size(const struct heap_census *census, uint32_t node)
{
	const struct heap_blocks *blocks = &self(census)->blocks;

	return heap_blocks_size(blocks, node) + heap_blocks_share(blocks, node);
}

static uint32_t find(const struct heap_census *census, uint64_t at)
{
	uint64_t off;

	return heap_blocks_find(&self(census)->blocks, at, &off);
}

/* The object's type and address; NULL: there is none, or its memory cannot be read. */
static const struct py_type *object_at(const struct py_census *census, uint32_t node,
				       tm_addr *ret)
{
	if (!census->mem || heap_node_kind(&census->base, node) != HEAP_OBJECT)
		return NULL;
	*ret = heap_blocks_address(&census->blocks, node) +
	       heap_object_offset(&census->base, node);
	return &census->types[census->base.info[node]];
}

static bool key(struct heap_census *base, uint32_t node, struct tm_buf *ret)
{
	tm_addr at;
	const struct py_type *type = object_at(self(base), node, &at);

	return type && py_literal(self(base), type, at, ret);
}

static bool value(struct heap_census *base, uint32_t node, size_t limit, struct tm_buf *ret,
		  uint64_t *len)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	const struct py_census *census = self(base);
	const struct py_type *type;
	struct tm_err ignored;
	tm_addr at;

	type = object_at(census, node, &at);
	if (!type)
		return false;
	if (type->flags & TP_STR) {
		if (!py_str_read(census->mem, &census->runtime.str, at, &text, &ignored))
			return false;
		*len = text.len;
		tm_buf_add(ret, text.data ? text.data : "",
			   text.len < limit ? text.len : limit);
		return true;
	}
	if (!(type->flags & TP_BYTES) ||
	    !tm_mem_u64(census->mem, py_body(census, at) + OB_SIZE, len, &ignored))
		return false;
	if (limit > *len)
		limit = (size_t)*len;
	ret->len += tm_mem_read_some(census->mem, py_body(census, at) + BYTES_DATA,
				     tm_buf_room(ret, limit), limit);
	return true;
}

static bool room(struct heap_census *base, uint32_t node, uint64_t *used,
		 uint64_t *allocated, uint32_t *item_size)
{
	const struct py_census *census = self(base);
	const struct py_type *type;
	struct tm_err ignored;
	tm_addr at;

	type = object_at(census, node, &at);
	*item_size = LIST_WORD;
	return type && type->kind == PY_KIND_LIST &&
	       tm_mem_u64(census->mem, py_body(census, at) + OB_SIZE, used, &ignored) &&
	       tm_mem_u64(census->mem, py_body(census, at) + LIST_ALLOCATED, allocated,
			  &ignored);
}

static void destroy(struct heap_census *base)
{
	struct py_census *census = (struct py_census *)base;

	heap_census_deinit(base);
	heap_blocks_free(&census->blocks);
	tm_big_free(census->refs);
	tm_big_free(census->found);
	tm_big_free(census->next);
	tm_big_free(census->prev);
	tm_big_free(census->claims);
	free(census->types);
	free(census->heads);
	tm_map_free(&census->type_map);
	py_keys_free(census);
	free(census);
}

const struct heap_census_ops py_census_ops = {
	.address = address, .size = size, .find = find, .key = key, .value = value,
	.room = room, .destroy = destroy,
};
