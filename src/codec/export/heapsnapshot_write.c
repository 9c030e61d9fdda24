/*
 * .heapsnapshot: one JSON object with flat arrays of numbers, as V8 writes it
 * (src/profiler/heap-snapshot-generator.cc, 2024) and Chrome's DevTools load it.
 * Node 0 is the root. `to_node` is an index into the array of nodes, not the
 * number of a node. Ids are odd, as DevTools take even ones for native objects of
 * the page, and numbers of 32 bits there: addresses do not fit.
 *
 * A block that is not used by an object, and that nobody refers to, is left out.
 */
#include "codec/export/heapsnapshot.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/big.h"
#include "base/buf.h"
#include "base/guard.h"
#include "base/intern.h"
#include "codec/codec.h"
#include "codec/json_text.h"
#include "heap/heap.h"

/* Places in the lists of types below. */
enum { NODE_FIELDS = 7 };
enum node_type {
	NODE_HIDDEN = 0, NODE_ARRAY = 1, NODE_STRING = 2, NODE_OBJECT = 3,
	NODE_CODE = 4, NODE_CLOSURE = 5, NODE_NUMBER = 7, NODE_NATIVE = 8,
	NODE_SYNTHETIC = 9,
};
enum edge_type {
	EDGE_ELEMENT = 1, EDGE_PROPERTY = 2, EDGE_INTERNAL = 3,
};

static const char meta[] =
	"{\"snapshot\":{\"meta\":{"
	"\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\","
	"\"trace_node_id\",\"detachedness\"],"
	"\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"code\","
	"\"closure\",\"regexp\",\"number\",\"native\",\"synthetic\","
	"\"concatenated string\",\"sliced string\",\"symbol\",\"bigint\","
	"\"object shape\"],\"string\",\"number\",\"number\",\"number\",\"number\","
	"\"number\"],"
	"\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],"
	"\"edge_types\":[[\"context\",\"element\",\"property\",\"internal\","
	"\"hidden\",\"shortcut\",\"weak\"],\"string_or_number\",\"node\"],"
	"\"trace_function_info_fields\":[\"function_id\",\"name\",\"script_name\","
	"\"script_id\",\"line\",\"column\"],"
	"\"trace_node_fields\":[\"id\",\"function_info_index\",\"count\",\"size\","
	"\"children\"],"
	"\"sample_fields\":[\"timestamp_us\",\"last_assigned_id\"],"
	"\"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"]},";

struct writer {
	struct heap_census *census;
	FILE *out;
	uint32_t *number;      /* of the nodes that are written, by node, + 1 */
	uint32_t nodes;
	uint64_t edges;
	struct tm_intern strings;
	uint32_t *type_names;  /* by type */
	uint8_t *type_kinds;
};

static uint32_t string_of(struct writer *w, const char *text)
{
	return tm_intern(&w->strings, text, strlen(text));
}

/* ---- which nodes -------------------------------------------------------------- */

static void choose_nodes(struct writer *w)
{
	const struct heap_graph *graph = &w->census->graph;
	uint32_t n = 0;

	w->number = tm_big_alloc(graph->nodes, sizeof(*w->number));
	for (uint64_t e = 0; e < graph->edges; e++)
		w->number[graph->to[e]] = 1;
	for (uint32_t node = 0; node < graph->nodes; node++) {
		bool wanted = node == 0 || w->number[node] ||
			      heap_is_owned(w->census, node);

		w->number[node] = wanted ? ++n : 0;
		if (wanted)
			w->edges += graph->row[node + 1] - graph->row[node];
	}
	w->nodes = n;
}

static uint8_t kind_of(const char *name)
{
	static const struct {
		const char *name;
		uint8_t kind;
	} kinds[] = {
		{ "str", NODE_STRING }, { "bytes", NODE_STRING },
		{ "int", NODE_NUMBER }, { "float", NODE_NUMBER },
		{ "list", NODE_ARRAY }, { "tuple", NODE_ARRAY },
		{ "function", NODE_CLOSURE }, { "code", NODE_CODE },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return kinds[i].kind;
	return NODE_OBJECT;
}

static void name_types(struct writer *w)
{
	w->type_names = tm_big_alloc(w->census->ntypes + 1u, sizeof(*w->type_names));
	w->type_kinds = tm_big_alloc(w->census->ntypes + 1u, 1);
	for (uint32_t type = 0; type < w->census->ntypes; type++) {
		TM_GUARD(tm_buf_free) struct tm_buf name = { 0 };

		heap_type_name(w->census, type, &name);
		w->type_names[type] = string_of(w, name.data);
		w->type_kinds[type] = kind_of(name.data);
	}
}

/* ---- nodes ---------------------------------------------------------------------- */

static void put_node(struct writer *w, uint32_t node)
{
	const struct heap_census *census = w->census;
	const uint64_t *row = census->graph.row;
	uint32_t type = node ? heap_census_type(census, node) : HEAP_NO_TYPE;
	unsigned kind = NODE_NATIVE;
	uint32_t name;

	if (node == 0) {
		kind = NODE_SYNTHETIC;
		name = string_of(w, "");
	} else if (type == HEAP_NO_TYPE) {
		name = string_of(w, "memory of native code");
	} else if (heap_node_kind(census, node) == HEAP_BUFFER) {
		kind = NODE_ARRAY;
		name = string_of(w, "(private buffer)");
	} else {
		kind = w->type_kinds[type];
		name = w->type_names[type];
	}
	fprintf(w->out, "%s%u,%u,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",0,0\n",
		node ? "," : "", kind, name, w->number[node] * UINT64_C(2) + 1,
		census->ops->size(census, node), row[node + 1] - row[node]);
}

/* ---- edges ---------------------------------------------------------------------- */

static void put_edge(struct writer *w, uint32_t from, uint64_t edge, bool first)
{
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	uint32_t how = w->census->how[edge], name = heap_edge_value(how);
	enum heap_edge_kind edge_kind = heap_edge_kind(how);
	unsigned kind = EDGE_INTERNAL;

	if (from && edge_kind == HEAP_EDGE_INDEX) {
		kind = EDGE_ELEMENT;
	} else {
		const char *label;

		tm_buf_add(&text, "", 0);
		if (from && edge_kind == HEAP_EDGE_BUFFER)
			tm_buf_adds(&text, "buffer");
		else
			heap_edge_text(w->census, from, edge, &text);
		label = text.data[0] == '.' ? text.data + 1 : text.data;
		if (from == 0)
			kind = EDGE_PROPERTY;
		else if (edge_kind == HEAP_EDGE_ATTRIBUTE ||
			 edge_kind == HEAP_EDGE_VALUE || edge_kind == HEAP_EDGE_FIELD ||
			 edge_kind == HEAP_EDGE_LOCAL || edge_kind == HEAP_EDGE_DICT)
			kind = EDGE_PROPERTY;
		name = string_of(w, label);
	}
	fprintf(w->out, "%s%u,%u,%" PRIu64 "\n", first ? "" : ",", kind, name,
		(uint64_t)(w->number[w->census->graph.to[edge]] - 1) * NODE_FIELDS);
}

static void put_edges(struct writer *w)
{
	const struct heap_graph *graph = &w->census->graph;
	bool first = true;

	for (uint32_t node = 0; node < graph->nodes && !ferror(w->out); node++) {
		if (!w->number[node])
			continue;
		for (uint64_t e = graph->row[node]; e < graph->row[node + 1]; e++) {
			put_edge(w, node, e, first);
			first = false;
		}
	}
}

/* ---- all -------------------------------------------------------------------------- */

static void put_strings(struct writer *w)
{
	for (size_t i = 0; i < w->strings.n; i++) {
		TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
		json_t *string = json_text((struct tm_text){
			w->strings.items[i].bytes, w->strings.items[i].len });

		json_append(&text, string);
		json_decref(string);
		fprintf(w->out, "%s%s\n", i ? "," : "", text.data);
	}
}

bool heapsnapshot_write(struct heap_census *census, FILE *out, struct tm_err *err)
{
	struct writer w = { .census = census, .out = out };

	choose_nodes(&w);
	name_types(&w);
	fputs(meta, out);
	fprintf(out, "\"node_count\":%" PRIu32 ",\"edge_count\":%" PRIu64
		",\"trace_function_count\":0},\n\"nodes\":[", w.nodes, w.edges);
	for (uint32_t node = 0; node < census->graph.nodes && !ferror(out); node++)
		if (w.number[node])
			put_node(&w, node);
	fputs("],\n\"edges\":[", out);
	put_edges(&w);
	fputs("],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n"
	      "\"locations\":[],\n\"strings\":[", out);
	put_strings(&w);
	fputs("]}\n", out);
	tm_big_free(w.number);
	tm_big_free(w.type_names);
	tm_big_free(w.type_kinds);
	tm_intern_free(&w.strings);
	return codec_written(out, err);
}
