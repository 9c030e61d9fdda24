/*
 * Heaps made by hand, for tests and benches: objects, buffers, references and
 * roots, with the functions that a census of a process has.
 */
#ifndef TM_TESTS_HEAP_MADE_H
#define TM_TESTS_HEAP_MADE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/big.h"
#include "heap/heap.h"

struct made_edge {
	uint32_t from, to, how;
};

struct made {
	struct heap_census census; /* first */
	uint64_t *address;
	uint32_t *size;
	const char **literal; /* of a key, or a str's value in quotes */
	size_t nodes_cap, literals_cap, types_cap, roots_cap;
	struct made_edge *edges;
	size_t nedges, edges_cap;
	uint64_t at;          /* where the next block goes */
};

static inline uint64_t made_address(const struct heap_census *census, uint32_t node)
{
	return ((const struct made *)census)->address[node];
}

static inline uint64_t made_size(const struct heap_census *census, uint32_t node)
{
	return ((const struct made *)census)->size[node];
}

static inline uint32_t made_find(const struct heap_census *census, uint64_t at)
{
	const struct made *made = (const struct made *)census;

	for (uint32_t node = 1; node < census->graph.nodes; node++)
		if (at >= made->address[node] &&
		    at < made->address[node] + made->size[node])
			return node;
	return 0;
}

static inline bool made_key(struct heap_census *census, uint32_t node,
			    struct tm_buf *ret)
{
	const char *literal = ((const struct made *)census)->literal[node];

	if (literal)
		tm_buf_adds(ret, literal);
	return literal != NULL;
}

static inline bool made_value(struct heap_census *census, uint32_t node, size_t limit,
			      struct tm_buf *ret, uint64_t *len)
{
	const char *literal = ((const struct made *)census)->literal[node];

	if (!literal || literal[0] != '\'')
		return false;
	*len = strlen(literal) - 2;
	tm_buf_add(ret, literal + 1, *len < limit ? *len : limit);
	return true;
}

/* Lists made here have two slots free for each used. */
static inline bool made_room(struct heap_census *census, uint32_t node, uint64_t *used,
			     uint64_t *allocated, uint32_t *item_size)
{
	if (strcmp(census->types[census->info[node]].name, "list") != 0)
		return false;
	*used = 10;
	*allocated = 30;
	*item_size = 8;
	return true;
}

static inline void made_destroy(struct heap_census *census)
{
	struct made *made = (struct made *)census;

	heap_census_deinit(census);
	tm_big_free(made->address);
	tm_big_free(made->size);
	free(made->literal);
	free(made->edges);
	free(made);
}

static inline uint32_t made_node(struct made *made, enum heap_kind kind, uint32_t info,
				 uint32_t size)
{
	struct heap_census *census = &made->census;
	uint32_t node = census->graph.nodes++;

	if (node >= made->nodes_cap) {
		size_t cap = made->nodes_cap ? made->nodes_cap * 2 : 1024;

		census->info = tm_big_grow(census->info, cap, sizeof(*census->info));
		census->flags = tm_big_grow(census->flags, cap, sizeof(*census->flags));
		made->address = tm_big_grow(made->address, cap, sizeof(*made->address));
		made->size = tm_big_grow(made->size, cap, sizeof(*made->size));
		made->literal = tm_reallocarray(made->literal, cap,
						sizeof(*made->literal));
		made->nodes_cap = cap;
	}
	census->info[node] = info;
	census->flags[node] = (uint16_t)kind;
	made->address[node] = node ? made->at : 0;
	made->size[node] = size;
	made->literal[node] = NULL;
	made->at += size;
	return node;
}

static inline struct made *made_create(void)
{
	static const struct heap_census_ops ops = {
		.address = made_address, .size = made_size, .find = made_find,
		.key = made_key, .value = made_value, .room = made_room,
		.destroy = made_destroy,
	};
	struct made *made = tm_calloc(1, sizeof(*made));

	made->census.ops = &ops;
	made->at = 0x7f0000001000;
	made_node(made, HEAP_RAW, 0, 0);
	return made;
}

static inline uint32_t made_type(struct made *made, const char *module,
				 const char *name)
{
	struct heap_census *census = &made->census;

	census->types = tm_grow(census->types, &made->types_cap, census->ntypes + 1u,
				sizeof(*census->types));
	census->types[census->ntypes] = (struct heap_type){
		.module = module, .name = name, .base = HEAP_NO_TYPE,
		.basicsize = 16,
	};
	return census->ntypes++;
}

static inline uint32_t made_object(struct made *made, uint32_t type, uint32_t size)
{
	return made_node(made, HEAP_OBJECT, type, size);
}

static inline void made_edge(struct made *made, uint32_t from, uint32_t to,
			     enum heap_edge_kind kind, uint32_t value)
{
	made->edges = tm_grow(made->edges, &made->edges_cap, made->nedges + 1,
			      sizeof(*made->edges));
	made->edges[made->nedges++] = (struct made_edge){
		from, to, (uint32_t)kind << HEAP_EDGE_SHIFT | value,
	};
}

static inline uint32_t made_buffer(struct made *made, uint32_t owner, uint32_t size)
{
	uint32_t node = made_node(made, HEAP_BUFFER, owner, size);

	made_edge(made, owner, node, HEAP_EDGE_BUFFER, 0);
	return node;
}

static inline uint32_t made_str(struct made *made, uint32_t type, const char *literal,
				uint32_t size)
{
	uint32_t node = made_object(made, type, size);

	made->literal[node] = tm_arena_bytes(&made->census.strings, literal,
					     strlen(literal));
	return node;
}

static inline void made_root(struct made *made, enum heap_root_kind kind,
			     const char *name, const char *local, uint32_t node)
{
	struct heap_census *census = &made->census;

	census->roots = tm_grow(census->roots, &made->roots_cap, census->nroots + 1u,
				sizeof(*census->roots));
	census->roots[census->nroots] = (struct heap_root){
		.kind = kind, .name = name, .local = local,
	};
	made_edge(made, 0, node, HEAP_EDGE_ROOT, census->nroots++);
}

/* A dict's item; the dict's table is `table`. */
static inline void made_item(struct made *made, uint32_t table, uint32_t key,
			     uint32_t value)
{
	made_edge(made, table, key, HEAP_EDGE_KEY, 0);
	made_edge(made, table, value, HEAP_EDGE_VALUE, key);
}

/* The rows; references of a node stay in their order. */
static inline struct tm_heap *made_finish(struct made *made)
{
	static const struct tm_meta meta = {
		.pid = 4711, .runtime = "CPython 3.13.5", .command = "python3 shop.py",
		.taken_at = 1767182400000,
	};
	struct heap_census *census = &made->census;
	struct heap_graph *graph = &census->graph;
	uint64_t *row = tm_big_alloc((size_t)graph->nodes + 2, sizeof(*row));

	graph->edges = made->nedges;
	graph->to = tm_big_alloc(made->nedges + 1, sizeof(*graph->to));
	census->how = tm_big_alloc(made->nedges + 1, sizeof(*census->how));
	for (size_t i = 0; i < made->nedges; i++)
		row[made->edges[i].from + 2]++;
	for (uint32_t node = 0; node < graph->nodes; node++)
		row[node + 2] += row[node + 1];
	for (size_t i = 0; i < made->nedges; i++) {
		uint64_t at = row[made->edges[i].from + 1]++;

		graph->to[at] = made->edges[i].to;
		census->how[at] = made->edges[i].how;
	}
	graph->row = row;
	census->proof.blocks = graph->nodes - 1;
	for (uint32_t node = 1; node < graph->nodes; node++)
		census->proof.objects += heap_node_kind(census, node) == HEAP_OBJECT;
	census->proof.tracked = census->proof.listed = census->proof.objects / 2;
	free(made->edges);
	made->edges = NULL;
	return tm_heap_create(census, &meta);
}

#endif
