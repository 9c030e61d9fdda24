#include <string.h>

#include "base/big.h"
#include "base/guard.h"
#include "base/intern.h"
#include "codec/codec.h"
#include "codec/tmh.h"
#include "codec/tms_meta.h"
#include "heap/kept.h"

struct writer {
	struct heap_census *census;
	struct tms_out *out;
	struct tm_intern strings;
	uint32_t *keys;  /* by node: string + 1 of its literal */
};

/* ---- names ----------------------------------------------------------------------- */

static uint32_t name_of(struct writer *w, const char *text)
{
	return tm_intern(&w->strings, text, strlen(text));
}

/* All names, before the tables that use them. */
static void gather_names(struct writer *w)
{
	const struct heap_census *census = w->census;

	for (uint32_t i = 0; i < census->ntypes; i++) {
		const struct heap_type *type = &census->types[i];

		if (type->name)
			name_of(w, type->name);
		if (type->module)
			name_of(w, type->module);
		for (uint32_t k = 0; k < type->nfields; k++)
			name_of(w, type->fields[k].name);
		for (uint32_t k = 0; k < type->nattributes; k++)
			if (type->attributes[k])
				name_of(w, type->attributes[k]);
	}
	for (uint32_t i = 0; i < census->nroots; i++) {
		name_of(w, census->roots[i].name);
		if (census->roots[i].local)
			name_of(w, census->roots[i].local);
	}
}

static void gather_keys(struct writer *w)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	uint32_t nodes = w->census->graph.nodes;

	uint8_t *keep = heap_keys_to_keep(w->census);

	w->keys = tm_big_alloc(nodes, sizeof(*w->keys));
	for (uint32_t node = 1; node < nodes; node++) {
		tm_buf_clear(&text);
		tm_buf_add(&text, "", 0);
		if (keep[node] == HEAP_KEEP && w->census->ops->key(w->census, node, &text) &&
		    text.len <= HEAP_KEY_LIMIT && !memchr(text.data, '\0', text.len))
			w->keys[node] = tm_intern(&w->strings, text.data,
						  text.len) + 1;
	}
	tm_big_free(keep);
	for (uint32_t i = 0; i < w->census->nstatic_keys; i++)
		name_of(w, w->census->static_keys[i]);
}

static uint64_t name1(struct writer *w, const char *text)
{
	return text ? name_of(w, text) + UINT64_C(1) : 0;
}

/* ---- tables ----------------------------------------------------------------------- */

static void put_strings(struct writer *w)
{
	for (size_t i = 0; i < w->strings.n; i++) {
		tms_put(w->out, w->strings.items[i].len);
		tm_buf_add(&w->out->chunk, w->strings.items[i].bytes,
			   w->strings.items[i].len);
		tms_flush_if_full(w->out, TMH_STRINGS);
	}
	tms_flush(w->out, TMH_STRINGS);
}

static void put_type(struct writer *w, const struct heap_type *type)
{
	tms_put(w->out, name1(w, type->name));
	tms_put(w->out, name1(w, type->module));
	tms_put(w->out, type->address);
	tms_put(w->out, type->base == HEAP_NO_TYPE ? 0 : type->base + UINT64_C(1));
	tms_put(w->out, type->flags);
	tms_put(w->out, type->basicsize);
	tms_put(w->out, type->itemsize);
	tms_put(w->out, type->nfields);
	for (uint32_t i = 0; i < type->nfields; i++) {
		tms_put(w->out, type->fields[i].offset);
		tms_put(w->out, name_of(w, type->fields[i].name));
	}
	tms_put(w->out, type->nattributes);
	for (uint32_t i = 0; i < type->nattributes; i++)
		tms_put(w->out, name1(w, type->attributes[i]));
}

static void put_types_and_roots(struct writer *w)
{
	for (uint32_t i = 0; i < w->census->ntypes; i++) {
		put_type(w, &w->census->types[i]);
		tms_flush_if_full(w->out, TMH_TYPES);
	}
	tms_flush(w->out, TMH_TYPES);
	for (uint32_t i = 0; i < w->census->nroots; i++) {
		const struct heap_root *root = &w->census->roots[i];

		tms_put(w->out, root->kind);
		tms_put(w->out, name_of(w, root->name));
		tms_put(w->out, name1(w, root->local));
		tms_flush_if_full(w->out, TMH_ROOTS);
	}
	tms_flush(w->out, TMH_ROOTS);
}

static uint64_t info_of(const struct heap_census *census, uint32_t node)
{
	switch (heap_node_kind(census, node)) {
	case HEAP_OBJECT:
	case HEAP_DEAD:
		return census->info[node];
	case HEAP_BUFFER:
		return tmh_zigzag((int64_t)node - census->info[node]);
	case HEAP_RAW:
		break;
	}
	return 0;
}

/* Node 0 has address and size 0, like what is before it. */
static void put_places(struct writer *w, uint32_t first, uint32_t n)
{
	const struct heap_census *census = w->census;
	uint64_t before = first ? census->ops->size(census, first - 1) : 0;
	uint64_t end = first ? census->ops->address(census, first - 1) + before : 0;

	for (uint32_t node = first; node < first + n; node++) {
		uint64_t address = census->ops->address(census, node);

		tms_put(w->out, tmh_zigzag((int64_t)(address - end)));
		end = address + census->ops->size(census, node);
	}
	for (uint32_t node = first; node < first + n; node++) {
		uint64_t size = census->ops->size(census, node);

		tms_put(w->out, tmh_zigzag((int64_t)(size - before)));
		before = size;
	}
}

static void put_nodes(struct writer *w)
{
	const struct heap_census *census = w->census;

	for (uint32_t first = 0, n; first < census->graph.nodes; first += n) {
		n = census->graph.nodes - first;
		if (n > TMH_PER_CHUNK)
			n = TMH_PER_CHUNK;
		tms_put(w->out, n);
		for (uint32_t node = first; node < first + n; node++)
			tms_put(w->out, census->flags[node]);
		for (uint32_t node = first; node < first + n; node++)
			tms_put(w->out, info_of(census, node));
		put_places(w, first, n);
		tms_flush(w->out, TMH_NODES);
	}
}

/* ---- references ------------------------------------------------------------------- */

static void put_degrees(struct writer *w)
{
	const struct heap_graph *graph = &w->census->graph;

	for (uint32_t first = 0, n; first < graph->nodes; first += n) {
		n = graph->nodes - first;
		if (n > TMH_PER_CHUNK)
			n = TMH_PER_CHUNK;
		tms_put(w->out, n);
		for (uint32_t node = first; node < first + n; node++)
			tms_put(w->out, graph->row[node + 1] - graph->row[node]);
		tms_flush(w->out, TMH_DEGREES);
	}
}

/* Edges on their way into a chunk; the second column waits in a buffer. */
struct edges {
	struct writer *writer;
	uint64_t codes[2][TMH_PER_CHUNK];
	uint32_t n;
};

static void flush_edges(struct edges *edges)
{
	tms_put(edges->writer->out, edges->n);
	for (int column = 0; column < 2; column++)
		for (uint32_t i = 0; i < edges->n; i++)
			tms_put(edges->writer->out, edges->codes[column][i]);
	tms_flush(edges->writer->out, TMH_EDGES);
	edges->n = 0;
}

static uint64_t how_code(const struct tmh_guess *guess, uint32_t node, uint64_t e,
			 uint64_t i)
{
	const struct heap_census *census = guess->census;
	uint32_t how = census->how[e], kind = how >> HEAP_EDGE_SHIFT;
	uint64_t value = heap_edge_value(how);

	if (i < guess->n && how == census->how[guess->row + i])
		return 0;
	if (kind == HEAP_EDGE_INDEX)
		value = tmh_zigzag((int64_t)(value - i));
	else if (tmh_is_relative(kind))
		value = tmh_zigzag((int64_t)value -
				   tmh_guess_value(guess, node, e, i));
	return 1 + (kind | value << 4);
}

static void put_edges(struct writer *w)
{
	const struct heap_graph *graph = &w->census->graph;
	struct edges *edges = tm_big_alloc(1, sizeof(*edges));
	struct tmh_guess guess;

	edges->writer = w;
	tmh_guess_init(&guess, w->census);
	for (uint32_t node = 0; node < graph->nodes && !w->out->failed; node++) {
		tmh_guess_node(&guess, node);
		for (uint64_t e = graph->row[node]; e < graph->row[node + 1]; e++) {
			uint64_t i = e - graph->row[node];

			edges->codes[0][edges->n] = tmh_zigzag((int64_t)graph->to[e] -
				tmh_guess_to(&guess, node, e, i));
			edges->codes[1][edges->n] = how_code(&guess, node, e, i);
			if (++edges->n == TMH_PER_CHUNK)
				flush_edges(edges);
		}
	}
	flush_edges(edges);
	tmh_guess_deinit(&guess);
	tm_big_free(edges);
}

/* ---- the rest ----------------------------------------------------------------------- */

static void put_keys(struct writer *w)
{
	uint32_t before = 0;

	for (uint32_t node = 1; node < w->census->graph.nodes; node++) {
		if (!w->keys[node])
			continue;
		tms_put(w->out, node - before);
		tms_put(w->out, w->keys[node] - 1);
		tms_flush_if_full(w->out, TMH_KEYS);
		before = node;
	}
	tms_flush(w->out, TMH_KEYS);
}

static void put_statics(struct writer *w)
{
	for (uint32_t i = 0; i < w->census->nstatic_keys; i++) {
		tms_put(w->out, name_of(w, w->census->static_keys[i]));
		tms_flush_if_full(w->out, TMH_STATICS);
	}
	tms_flush(w->out, TMH_STATICS);
}

static void put_room(struct writer *w)
{
	struct heap_census *census = w->census;
	uint32_t before = 0, item_size;
	uint64_t used, allocated;

	for (uint32_t node = 1; census->ops->room && node < census->graph.nodes; node++) {
		if (heap_node_kind(census, node) != HEAP_OBJECT ||
		    !census->ops->room(census, node, &used, &allocated, &item_size) ||
		    allocated <= used)
			continue;
		tms_put(w->out, node - before);
		tms_put(w->out, used);
		tms_put(w->out, allocated - used);
		tms_put(w->out, item_size);
		tms_flush_if_full(w->out, TMH_ROOM);
		before = node;
	}
	tms_flush(w->out, TMH_ROOM);
}

static void put_proof(struct writer *w)
{
	uint64_t fields[sizeof(w->census->proof) / sizeof(uint64_t)];

	memcpy(fields, &w->census->proof, sizeof(fields));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		tms_put(w->out, i);
		tms_put(w->out, fields[i]);
	}
	tms_flush(w->out, TMH_PROOF);
}

static void put_end(struct writer *w)
{
	tms_put(w->out, w->strings.n);
	tms_put(w->out, w->census->ntypes);
	tms_put(w->out, w->census->nroots);
	tms_put(w->out, w->census->graph.nodes);
	tms_put(w->out, w->census->graph.edges);
	tms_flush(w->out, TMH_END);
}

bool tmh_write(struct heap_census *census, const struct tm_meta *meta, FILE *file,
	       struct tm_err *err)
{
	struct tms_out out;
	struct writer w = { .census = census, .out = &out };

	tms_out_begin(&out, file, &TMH_KIND, err);
	gather_names(&w);
	gather_keys(&w);
	tms_put_meta(&out, meta);
	put_strings(&w);
	put_types_and_roots(&w);
	put_nodes(&w);
	put_degrees(&w);
	put_edges(&w);
	put_keys(&w);
	put_statics(&w);
	put_room(&w);
	put_proof(&w);
	put_end(&w);
	tm_intern_free(&w.strings);
	tm_big_free(w.keys);
	return tms_out_end(&out);
}
