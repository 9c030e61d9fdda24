#include <string.h>

#include "base/big.h"
#include "py/census_private.h"

/* Nodes that were reached. */
struct marking {
	struct heap_census *base;
	uint8_t *seen;           /* a bit a node */
	const uint8_t *owned;    /* NULL, or those that objects lead to */
	uint32_t *stack;
	uint32_t depth;
};

static bool has(const uint8_t *bits, uint32_t node)
{
	return bits[node / 8] >> node % 8 & 1;
}

static void see(struct marking *marking, uint32_t node)
{
	if (has(marking->seen, node))
		return;
	marking->seen[node / 8] |= (uint8_t)(1 << node % 8);
	marking->stack[marking->depth++] = node;
}

/* Memory counts with the objects that lead to it: what static data leads to has its
 * references turned back on itself, if they are to such memory. */
static void leave_owned(struct marking *marking, uint32_t node)
{
	struct heap_census *base = marking->base;

	if (!marking->owned || heap_node_kind(base, node) != HEAP_RAW)
		return;
	for (uint64_t i = base->graph.row[node]; i < base->graph.row[node + 1]; i++)
		if (has(marking->owned, base->graph.to[i]) &&
		    heap_node_kind(base, base->graph.to[i]) == HEAP_RAW)
			base->graph.to[i] = node;
}

static void drain(struct marking *marking)
{
	const struct heap_graph *graph = &marking->base->graph;

	while (marking->depth > 0) {
		uint32_t node = marking->stack[--marking->depth];

		leave_owned(marking, node);
		for (uint64_t i = graph->row[node]; i < graph->row[node + 1]; i++)
			see(marking, graph->to[i]);
	}
}

static void mark(struct marking *marking, uint32_t from)
{
	see(marking, from);
	drain(marking);
}

/* ---- roots ------------------------------------------------------------------------------ */

/* Memory of C has no count of its references: a word of static data or a stack may be
 * one, or be left over. */
static bool is_doubtful(const struct heap_census *base, uint64_t root)
{
	return (base->roots[root].kind == HEAP_ROOT_STATIC ||
		base->roots[root].kind == HEAP_ROOT_STACK) &&
	       heap_node_kind(base, base->graph.to[root]) == HEAP_RAW;
}

/* What is alive for certain. */
static void mark_sure(struct marking *marking)
{
	const struct heap_graph *graph = &marking->base->graph;

	marking->seen[0] |= 1;
	for (uint64_t i = 0; i < graph->row[1]; i++)
		if (!is_doubtful(marking->base, i))
			see(marking, graph->to[i]);
	drain(marking);
}

/* Doubtful roots hold what nothing else does. The others are made edges to node 0. */
static void mark_doubtful(struct marking *marking)
{
	struct heap_graph *graph = &marking->base->graph;

	for (uint64_t i = 0; i < graph->row[1]; i++) {
		if (!is_doubtful(marking->base, i))
			continue;
		if (has(marking->owned, graph->to[i]))
			graph->to[i] = 0;
		else
			mark(marking, graph->to[i]);
	}
}

/* Who has it is hidden from us, so it is alive: memory of native code that leads
 * to objects, and objects that count more references than were found. */
static bool is_held_unseen(const struct heap_census *base, uint32_t node)
{
	switch (heap_node_kind(base, node)) {
	case HEAP_RAW:
		return base->graph.row[node + 1] > base->graph.row[node];
	case HEAP_OBJECT:
		return (base->flags[node] & HEAP_HOLDER) != 0;
	case HEAP_BUFFER:
	case HEAP_DEAD:
		break;
	}
	return false;
}

static uint32_t mark_unseen(struct marking *marking, uint32_t *ret)
{
	struct heap_census *base = marking->base;
	uint32_t n = 0;

	for (uint32_t i = 1; i < base->graph.nodes; i++)
		if (!has(marking->seen, i) && is_held_unseen(base, i)) {
			ret[n++] = i;
			mark(marking, i);
		}
	return n;
}

/* Root `i` leads to `node`. */
static void set_root(struct heap_census *base, uint32_t i, uint32_t node)
{
	base->graph.to[i] = node;
	if (base->how)
		base->how[i] = (uint32_t)HEAP_EDGE_ROOT << HEAP_EDGE_SHIFT |
			       (i & HEAP_EDGE_MAX);
}

/* Without the roots that lead to node 0. */
static uint32_t drop_roots(struct heap_census *base)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < base->nroots; i++) {
		if (base->graph.to[i] == 0)
			continue;
		base->roots[n] = base->roots[i];
		set_root(base, n++, base->graph.to[i]);
	}
	return n;
}

/* Make room for `n` roots in all, before the edges of other nodes. */
static void move_edges(struct heap_census *base, uint32_t n)
{
	struct heap_graph *graph = &base->graph;
	const uint64_t at = graph->row[1], moved = graph->edges - at;

	if (n > at) {
		graph->to = tm_big_grow(graph->to, moved + n, sizeof(*graph->to));
		if (base->how)
			base->how = tm_big_grow(base->how, moved + n, sizeof(*base->how));
	}
	memmove(graph->to + n, graph->to + at, moved * sizeof(*graph->to));
	if (base->how)
		memmove(base->how + n, base->how + at, moved * sizeof(*base->how));
	graph->edges = moved + n;
	for (uint32_t i = 1; i <= graph->nodes; i++)
		graph->row[i] = graph->row[i] - at + n;
}

static void change_roots(struct py_census *census, const uint32_t *nodes, uint32_t n)
{
	struct heap_census *base = &census->base;
	const uint32_t kept = drop_roots(base);

	if (kept + n != base->graph.row[1])
		move_edges(base, kept + n);
	base->nroots = kept;
	for (uint32_t i = 0; i < n; i++) {
		set_root(base, kept + i, nodes[i]);
		py_root_note(census, HEAP_ROOT_NATIVE, heap_node_kind(base, nodes[i]) == HEAP_RAW
				? "native memory" : "an unseen holder", NULL);
	}
}

/* ---- garbage ------------------------------------------------------------------------------ */

static void flag_nodes(struct heap_census *base, const uint8_t *seen)
{
	for (uint32_t i = 1; i < base->graph.nodes; i++) {
		enum heap_kind kind = heap_node_kind(base, i);

		if (has(seen, i) || kind == HEAP_RAW || kind == HEAP_DEAD)
			continue;
		base->flags[i] |= HEAP_GARBAGE;
		base->proof.garbage += kind == HEAP_OBJECT;
	}
	for (uint64_t i = base->graph.row[0]; i < base->graph.row[1]; i++)
		base->flags[base->graph.to[i]] |= HEAP_ROOT_HELD;
}

void py_garbage(struct py_census *census)
{
	const uint32_t n = census->base.graph.nodes;
	uint8_t *owned = tm_big_alloc(n / 8 + 1, 1);
	uint32_t *native = tm_big_alloc(n, sizeof(*native));
	struct marking marking = {
		.base = &census->base, .seen = tm_big_alloc(n / 8 + 1, 1),
		.stack = tm_big_alloc(n, sizeof(*marking.stack)),
	};

	mark_sure(&marking);
	memcpy(owned, marking.seen, n / 8 + 1);
	marking.owned = owned;
	mark_doubtful(&marking);
	change_roots(census, native, mark_unseen(&marking, native));
	flag_nodes(&census->base, marking.seen);
	tm_big_free(marking.seen);
	tm_big_free(marking.stack);
	tm_big_free(native);
	tm_big_free(owned);
}
