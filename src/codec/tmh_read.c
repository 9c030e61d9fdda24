#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/big.h"
#include "codec/codec.h"
#include "codec/tmh_reader.h"
#include "codec/tms_meta.h"

enum { MAX_NODES = 0x7ffffff0 };

/* ---- nodes --------------------------------------------------------------------------- */

static uint32_t get_column_length(struct tmh_reader *r)
{
	return (uint32_t)tms_in_bounded(r->in, TMH_PER_CHUNK, "a column too long");
}

static void grow_nodes(struct tmh_reader *r, size_t need)
{
	struct heap_census *census = r->census;
	struct tmh_census *self = r->self;
	size_t cap = self->nodes_cap;

	if (need <= cap)
		return;
	cap = cap < need / 2 ? need : cap + cap / 2;
	cap = cap < 2 * TMH_PER_CHUNK ? 2 * TMH_PER_CHUNK : cap;
	census->info = tm_big_grow(census->info, cap, sizeof(*census->info));
	census->flags = tm_big_grow(census->flags, cap, sizeof(*census->flags));
	self->address = tm_big_grow(self->address, cap, sizeof(*self->address));
	self->size = tm_big_grow(self->size, cap, sizeof(*self->size));
	self->nodes_cap = cap;
}

/* The column is of info; its flags are there. */
static bool set_info(struct tmh_reader *r, uint32_t first, uint32_t n)
{
	struct heap_census *census = r->census;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t node = first + i;
		uint64_t info = r->column[i];

		switch (heap_node_kind(census, node)) {
		case HEAP_OBJECT:
		case HEAP_DEAD:
			if (info >= census->ntypes && info != HEAP_NO_TYPE)
				return tmh_corrupt(r, "a type that is not in the file");
			break;
		case HEAP_BUFFER:
			info = node - (uint64_t)tmh_unzigzag(info);
			if (info >= MAX_NODES)
				return tmh_corrupt(r, "an owner that is not in the file");
			break;
		case HEAP_RAW:
			info = 0;
			break;
		}
		census->info[node] = (uint32_t)info;
	}
	return true;
}

static void get_places(struct tmh_reader *r, uint32_t first, uint32_t n)
{
	tms_in_varints(r->in, r->column, n);
	/* The sizes come after; until then these are the gaps. */
	for (uint32_t i = 0; i < n; i++)
		r->self->address[first + i] = (uint64_t)tmh_unzigzag(r->column[i]);
	tms_in_varints(r->in, r->column, n);
	for (uint32_t i = 0; i < n; i++) {
		r->size += (uint64_t)tmh_unzigzag(r->column[i]);
		tmh_census_set_size(r->self, first + i, r->size);
		r->self->address[first + i] += r->end;
		r->end = r->self->address[first + i] + r->size;
	}
}

static void get_nodes(struct tmh_reader *r)
{
	struct heap_census *census = r->census;
	uint32_t n = get_column_length(r), first = census->graph.nodes;

	if (first + n > MAX_NODES || census->graph.row)
		tmh_corrupt(r, "nodes where none are expected");
	if (tms_in_failed(r->in))
		return;
	grow_nodes(r, (size_t)first + n);
	tms_in_varints(r->in, r->column, n);
	for (uint32_t i = 0; i < n; i++)
		census->flags[first + i] = (uint16_t)r->column[i];
	tms_in_varints(r->in, r->column, n);
	if (tms_in_failed(r->in) || !set_info(r, first, n))
		return;
	get_places(r, first, n);
	if (!tms_in_failed(r->in))
		census->graph.nodes = first + n;
}

/* Of every buffer, once all nodes are there. */
static bool check_owners(struct tmh_reader *r)
{
	const struct heap_census *census = r->census;

	if (census->graph.nodes == 0 || census->flags[0] != 0)
		return tmh_corrupt(r, "no root node");
	for (uint32_t node = 0; node < census->graph.nodes; node++) {
		uint32_t owner = census->info[node];

		if (heap_node_kind(census, node) == HEAP_BUFFER &&
		    (owner >= census->graph.nodes ||
		     (heap_node_kind(census, owner) != HEAP_OBJECT &&
		      heap_node_kind(census, owner) != HEAP_DEAD)))
			return tmh_corrupt(r, "a buffer without an owner");
	}
	return true;
}

static void get_degrees(struct tmh_reader *r)
{
	uint32_t n = get_column_length(r);

	if (!r->census->graph.row && !tms_in_failed(r->in) && check_owners(r))
		tmh_edges_begin(&r->edges, r->in, r->census);
	if (tms_in_failed(r->in))
		return;
	tms_in_varints(r->in, r->column, n);
	tmh_edges_degrees(&r->edges, r->column, n);
}

static void get_edges(struct tmh_reader *r)
{
	uint32_t n = get_column_length(r);

	if (!r->census->graph.row)
		tmh_corrupt(r, "edges before their nodes");
	if (!tms_in_failed(r->in))
		tmh_edges_read(&r->edges, r->column, n);
}

/* ---- what is kept of values ------------------------------------------------------------ */

static uint32_t get_next_node(struct tmh_reader *r)
{
	uint64_t node = tms_in_varint(r->in) + r->last;

	if (node == 0 || node >= r->census->graph.nodes) {
		tmh_corrupt(r, "a node that is not in the file");
		return 0;
	}
	r->last = (uint32_t)node;
	return r->last;
}

static void get_key(struct tmh_reader *r)
{
	uint32_t node = get_next_node(r);
	uint64_t string = tms_in_varint(r->in);

	if (string >= r->self->nstrings)
		tmh_corrupt(r, "a name that is not in the file");
	if (!tms_in_failed(r->in))
		*tm_map_put(&r->self->keys, node) = (uint32_t)string;
}

static void get_static(struct tmh_reader *r)
{
	const char *literal = tmh_get_name(r, false);

	if (!r->census->graph.row || tms_in_failed(r->in) ||
	    !heap_census_add_key(r->census, literal))
		tmh_corrupt(r, "more keys than there can be");
}

static void get_room(struct tmh_reader *r)
{
	struct tmh_census *self = r->self;
	uint32_t node = get_next_node(r);
	struct tmh_room room = { .used = tms_in_varint(r->in) };

	if (__builtin_add_overflow(room.used, tms_in_varint(r->in), &room.allocated))
		tmh_corrupt(r, "more room than there can be");
	room.item_size = tmh_get_u32(r);
	if (tms_in_failed(r->in))
		return;
	*tm_map_put(&self->rooms, node) = (uint32_t)self->nroom;
	self->room = tm_grow(self->room, &self->room_cap, self->nroom + 1,
			     sizeof(*self->room));
	self->room[self->nroom++] = room;
}

static void get_proof(struct tmh_reader *r)
{
	uint64_t field = tms_in_varint(r->in), value = tms_in_varint(r->in);

	if (field < sizeof(r->census->proof) / sizeof(value))
		memcpy((char *)&r->census->proof + field * sizeof(value), &value,
		       sizeof(value));
}

/* ---- all ----------------------------------------------------------------------------------- */

static void each(struct tmh_reader *r, void (*get)(struct tmh_reader *r))
{
	r->last = 0;
	while (tms_in_left(r->in) && !tms_in_failed(r->in))
		get(r);
}

/* Tables of nodes that go on in a later chunk go on from its last node. */
static void each_on(struct tmh_reader *r, void (*get)(struct tmh_reader *r), uint32_t *last)
{
	r->last = *last;
	while (tms_in_left(r->in) && !tms_in_failed(r->in))
		get(r);
	*last = r->last;
}

static bool finish(struct tmh_reader *r)
{
	const struct heap_census *census = r->census;
	bool ok = census->graph.row && tmh_edges_end(&r->edges) &&
		  census->nroots == census->graph.row[1];
	const uint64_t n[] = { r->self->nstrings, census->ntypes, census->nroots,
			       census->graph.nodes, census->graph.edges };

	for (size_t i = 0; i < sizeof(n) / sizeof(n[0]); i++)
		ok &= tms_in_varint(r->in) == n[i];
	if (!ok && !tms_in_failed(r->in))
		return tmh_corrupt(r, "the tables do not add up");
	return tms_in_finish(r->in);
}

static bool get_chunks(struct tmh_reader *r)
{
	uint32_t last_key = 0, last_room = 0;

	for (;;) {
		uint64_t tag = tms_in_chunk(r->in);

		if (tms_in_failed(r->in))
			return false;
		switch (tag) {
		case TMH_META: tms_get_meta(r->in, r->meta); break;
		case TMH_STRINGS: each(r, tmh_get_string); break;
		case TMH_TYPES: each(r, tmh_get_type); break;
		case TMH_ROOTS: each(r, tmh_get_root); break;
		case TMH_NODES: each(r, get_nodes); break;
		case TMH_DEGREES: each(r, get_degrees); break;
		case TMH_EDGES: each(r, get_edges); break;
		case TMH_KEYS: each_on(r, get_key, &last_key); break;
		case TMH_ROOM: each_on(r, get_room, &last_room); break;
		case TMH_PROOF: each(r, get_proof); break;
		case TMH_STATICS: each(r, get_static); break;
		case TMH_END: return finish(r);
		default: break; /* of a newer minor version: skipped */
		}
	}
}

struct heap_census *tmh_read(FILE *file, struct tm_meta *ret_meta, struct tm_err *err)
{
	struct tmh_census *self;
	struct tmh_reader r = { .in = tms_in_open(file, &TMH_KIND, err) };
	bool ok;

	if (!r.in)
		return NULL;
	memset(ret_meta, 0, sizeof(*ret_meta));
	r.self = self = tmh_census_create();
	r.census = &self->census;
	r.meta = ret_meta;
	r.column = tm_reallocarray(NULL, TMH_PER_CHUNK, sizeof(*r.column));
	ok = get_chunks(&r);
	tmh_edges_deinit(&r.edges);
	tms_in_close(r.in);
	free(r.column);
	if (ok)
		return &self->census;
	heap_census_destroy(&self->census);
	return NULL;
}
