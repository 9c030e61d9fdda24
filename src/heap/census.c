#include "heap/census.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/big.h"

void heap_graph_free(struct heap_graph *graph)
{
	tm_big_free(graph->row);
	tm_big_free(graph->to);
	*graph = (struct heap_graph){ 0 };
}

void heap_census_deinit(struct heap_census *census)
{
	heap_graph_free(&census->graph);
	tm_big_free(census->info);
	tm_big_free(census->flags);
	tm_big_free(census->how);
	free(census->types);
	free(census->roots);
	free(census->static_keys);
	if (census->allocated) {
		free(census->allocated->lines);
		tm_big_free(census->allocated->line_of);
	}
	free(census->allocated);
	tm_arena_free(&census->strings);
}

void heap_census_need_allocated(struct heap_census *census)
{
	census->allocated = tm_calloc(1, sizeof(*census->allocated));
	census->allocated->line_of = tm_big_alloc(census->graph.nodes,
						  sizeof(*census->allocated->line_of));
}

void heap_census_destroy(struct heap_census *census)
{
	if (!census)
		return;
	census->ops->destroy(census);
}

/* A forged file may have an owner of an owner. */
uint32_t heap_census_owner(const struct heap_census *census, uint32_t node)
{
	switch (heap_node_kind(census, node)) {
	case HEAP_OBJECT:
	case HEAP_DEAD:
		return node;
	case HEAP_BUFFER:
		return census->info[node] < census->graph.nodes ? census->info[node] : 0;
	case HEAP_RAW:
		break;
	}
	return 0;
}

uint32_t heap_census_type(const struct heap_census *census, uint32_t node)
{
	uint32_t owner = heap_census_owner(census, node);

	if (owner == 0 || heap_node_kind(census, owner) == HEAP_RAW ||
	    heap_node_kind(census, owner) == HEAP_BUFFER ||
	    census->info[owner] >= census->ntypes)
		return HEAP_NO_TYPE;
	return census->info[owner];
}

/* ---- keys -------------------------------------------------------------------- */

bool heap_census_key(struct heap_census *census, uint32_t key, struct tm_buf *ret)
{
	const uint32_t nodes = census->graph.nodes;

	if (key == 0)
		return false;
	if (key < nodes)
		return census->ops->key(census, key, ret);
	if (key - nodes >= census->nstatic_keys)
		return false;
	tm_buf_adds(ret, census->static_keys[key - nodes]);
	return true;
}

uint32_t heap_census_add_key(struct heap_census *census, const char *literal)
{
	const uint32_t number = census->nstatic_keys;
	size_t cap = census->static_keys_cap;

	if (number >= HEAP_STATIC_KEYS ||
	    (uint64_t)census->graph.nodes + number >= HEAP_EDGE_MAX)
		return 0;
	census->static_keys = tm_grow(census->static_keys, &cap, number + 1u,
				      sizeof(*census->static_keys));
	census->static_keys_cap = (uint32_t)cap;
	census->static_keys[census->nstatic_keys++] = literal;
	return census->graph.nodes + number;
}

/* ---- words ------------------------------------------------------------------- */

static const struct heap_type *type_of(const struct heap_census *census,
				       uint32_t node)
{
	uint32_t type = heap_census_type(census, node);

	return type == HEAP_NO_TYPE ? NULL : &census->types[type];
}

static void add_field(const struct heap_type *type, uint32_t offset,
		      struct tm_buf *ret)
{
	for (uint32_t i = 0; type && i < type->nfields; i++)
		if (type->fields[i].offset == offset) {
			tm_buf_addf(ret, ".%s", type->fields[i].name);
			return;
		}
	tm_buf_addf(ret, "<+%u>", offset);
}

static void add_attribute(const struct heap_type *type, uint32_t number,
			  struct tm_buf *ret)
{
	if (type && number < type->nattributes && type->attributes[number])
		tm_buf_addf(ret, ".%s", type->attributes[number]);
	else
		tm_buf_addf(ret, ".<attribute %u>", number);
}

static void add_key(struct heap_census *census, uint32_t key, struct tm_buf *ret)
{
	size_t before = ret->len;

	tm_buf_addc(ret, '[');
	if (!heap_census_key(census, key, ret)) {
		ret->len = before;
		tm_buf_adds(ret, "[?");
	}
	tm_buf_addc(ret, ']');
}

static void add_local(struct heap_census *census, uint32_t name, struct tm_buf *ret)
{
	size_t before = ret->len;

	tm_buf_adds(ret, ".<local ");
	if (!heap_census_key(census, name, ret)) {
		ret->len = before;
		tm_buf_adds(ret, ".<local ?");
	}
	tm_buf_addc(ret, '>');
}

static void add_root(const struct heap_census *census, uint32_t number,
		     struct tm_buf *ret)
{
	if (number >= census->nroots) {
		tm_buf_adds(ret, "<?>");
		return;
	}
	tm_buf_adds(ret, census->roots[number].name);
	if (census->roots[number].local)
		tm_buf_addf(ret, ".%s", census->roots[number].local);
}

void heap_edge_text(struct heap_census *census, uint32_t from, uint64_t edge,
		    struct tm_buf *ret)
{
	const uint32_t how = census->how ? census->how[edge] : 0;
	const uint32_t value = heap_edge_value(how);
	const struct heap_type *type = type_of(census, from);

	if (from == 0) {
		add_root(census, (uint32_t)(edge - census->graph.row[0]), ret);
		return;
	}
	switch (heap_edge_kind(how)) {
	case HEAP_EDGE_WORD: tm_buf_addf(ret, "<+%u>", value * 8); break;
	case HEAP_EDGE_FIELD: add_field(type, value * 8, ret); break;
	case HEAP_EDGE_INDEX: tm_buf_addf(ret, "[%u]", value); break;
	case HEAP_EDGE_VALUE: add_key(census, value, ret); break;
	case HEAP_EDGE_KEY: tm_buf_adds(ret, "<key>"); break;
	case HEAP_EDGE_MEMBER: tm_buf_adds(ret, "<member>"); break;
	case HEAP_EDGE_ATTRIBUTE: add_attribute(type, value, ret); break;
	case HEAP_EDGE_LOCAL: add_local(census, value, ret); break;
	case HEAP_EDGE_TYPE: tm_buf_adds(ret, ".__class__"); break;
	case HEAP_EDGE_DICT: tm_buf_adds(ret, ".__dict__"); break;
	case HEAP_EDGE_BUFFER: break;
	case HEAP_EDGE_ROOT: add_root(census, value, ret); break;
	}
}
