#include "heap/dominators.h"

#include <string.h>

#include "base/big.h"

/*
 * Nodes are renumbered from 1 in depth-first order; everything but `number`
 * is indexed by that. Two arrays serve twice: an entry of `parent` becomes the
 * ancestor of the forest once the node is linked into it, and `next` (in a
 * bucket) becomes the dominator once the node is taken from its bucket.
 */
struct work {
	const struct heap_graph *graph;
	uint32_t *number;        /* by node; 0: not reached. Or ALONE | holder */
	uint32_t *vertex;        /* the node */
	uint32_t *parent;
	uint32_t *semi, *label;
	uint32_t *bucket, *next; /* 0 ends a bucket */
	uint32_t *first, *from;  /* rows of the holders */
	uint32_t n;
};

/* Of `number`, before the walk: a leaf whose only holder is the rest. */
#define ALONE 0x80000000u
#define SEVERAL 0x7fffffffu

static uint32_t degree(const struct heap_graph *graph, uint32_t node)
{
	return (uint32_t)(graph->row[node + 1] - graph->row[node]);
}

static bool is_leaf(const struct heap_graph *graph, uint32_t node)
{
	return graph->row[node] == graph->row[node + 1];
}

static void find_lone_leaves(struct work *w)
{
	const struct heap_graph *graph = w->graph;

	for (uint32_t node = 0; node < graph->nodes; node++)
		for (uint64_t e = graph->row[node]; e < graph->row[node + 1]; e++) {
			uint32_t *held = &w->number[graph->to[e]];

			if (!is_leaf(graph, graph->to[e]))
				continue;
			if (*held == 0)
				*held = ALONE | node;
			else if (*held != (ALONE | node))
				*held = SEVERAL;
		}
	for (uint32_t node = 0; node < graph->nodes; node++)
		if (w->number[node] == SEVERAL)
			w->number[node] = 0;
	/* The root is not a leaf. */
	w->number[0] = 0;
}

static uint32_t count_others(const struct work *w)
{
	uint32_t n = 0;

	for (uint32_t node = 0; node < w->graph->nodes; node++)
		n += w->number[node] == 0;
	return n;
}

static void enter(struct work *w, uint32_t node, uint32_t parent)
{
	uint32_t v = ++w->n;

	w->number[node] = v;
	w->vertex[v] = node;
	w->parent[v] = parent;
	w->semi[v] = w->label[v] = v;
}

/* `parent` leads back, `bucket` remembers how far each row was walked. */
static void walk(struct work *w)
{
	const struct heap_graph *graph = w->graph;
	uint32_t v = 1;

	enter(w, 0, 0);
	while (v) {
		const uint32_t *row = graph->to + graph->row[w->vertex[v]];
		uint32_t i = w->bucket[v], n = degree(graph, w->vertex[v]);

		while (i < n && w->number[row[i]])
			i++;
		w->bucket[v] = i + 1;
		if (i < n) {
			enter(w, row[i], v);
			v = w->n;
		} else {
			w->bucket[v] = 0;
			v = w->parent[v];
		}
	}
}

/* Who holds each numbered node, among those reached. */
static void find_holders(struct work *w)
{
	const struct heap_graph *graph = w->graph;
	uint32_t sum = 0;

	for (uint32_t v = 1; v <= w->n; v++)
		for (uint64_t e = graph->row[w->vertex[v]];
		     e < graph->row[w->vertex[v] + 1]; e++)
			if (!(w->number[graph->to[e]] & ALONE))
				w->first[w->number[graph->to[e]]]++;
	for (uint32_t v = 0; v <= w->n; v++) {
		sum += w->first[v];
		w->first[v] = sum;
	}
	w->first[w->n + 1] = sum;
	w->from = tm_big_alloc((size_t)sum + 1, sizeof(*w->from));
	/* Filling each row from its end leaves its start in `first`. */
	for (uint32_t v = w->n; v >= 1; v--)
		for (uint64_t e = graph->row[w->vertex[v]];
		     e < graph->row[w->vertex[v] + 1]; e++)
			if (!(w->number[graph->to[e]] & ALONE))
				w->from[--w->first[w->number[graph->to[e]]]] = v;
}

/*
 * The smallest semidominator on v's path up to the root of its tree, which is
 * below `linked`; the path is halved on the way: its nodes get the label of
 * all above them. Twice along the path, the second time back, without a stack:
 * the ancestors are turned around in between.
 */
static uint32_t evaluate(struct work *w, uint32_t v, uint32_t linked)
{
	uint32_t *up = w->parent, *label = w->label;
	uint32_t at = v, before = 0, top;

	if (v < linked)
		return v;
	while (up[at] >= linked) {
		uint32_t above = up[at];

		up[at] = before;
		before = at;
		at = above;
	}
	top = up[at]; /* not linked: the root of the tree */
	while (before) {
		uint32_t below = up[before];

		if (w->semi[label[at]] < w->semi[label[before]])
			label[before] = label[at];
		up[before] = top;
		at = before;
		before = below;
	}
	return label[v];
}

static void empty_bucket(struct work *w, uint32_t parent, uint32_t linked)
{
	for (uint32_t v = w->bucket[parent], after; v; v = after) {
		uint32_t u = evaluate(w, v, linked);

		after = w->next[v];
		w->next[v] = w->semi[u] < w->semi[v] ? u : parent;
	}
	w->bucket[parent] = 0;
}

static void find_dominators(struct work *w)
{
	for (uint32_t v = w->n; v >= 2; v--) {
		uint32_t parent = w->parent[v];

		for (uint32_t e = w->first[v]; e < w->first[v + 1]; e++) {
			uint32_t u = evaluate(w, w->from[e], v + 1);

			if (w->semi[u] < w->semi[v])
				w->semi[v] = w->semi[u];
		}
		w->next[v] = w->bucket[w->semi[v]];
		w->bucket[w->semi[v]] = v;
		empty_bucket(w, parent, v);
	}
	for (uint32_t v = 2; v <= w->n; v++)
		if (w->next[v] != w->semi[v])
			w->next[v] = w->next[w->next[v]];
}

static void work_init(struct work *w)
{
	uint32_t n;

	w->number = tm_big_alloc(w->graph->nodes, sizeof(*w->number));
	find_lone_leaves(w);
	n = count_others(w) + 2;
	w->vertex = tm_big_alloc(n, sizeof(*w->vertex));
	w->parent = tm_big_alloc(n, sizeof(*w->parent));
	w->semi = tm_big_alloc(n, sizeof(*w->semi));
	w->label = tm_big_alloc(n, sizeof(*w->label));
	w->bucket = tm_big_alloc(n, sizeof(*w->bucket));
	w->next = tm_big_alloc(n, sizeof(*w->next));
	w->first = tm_big_alloc(n, sizeof(*w->first));
}

static void work_deinit(struct work *w)
{
	tm_big_free(w->parent);
	tm_big_free(w->semi);
	tm_big_free(w->label);
	tm_big_free(w->bucket);
	tm_big_free(w->next);
	tm_big_free(w->first);
	tm_big_free(w->from);
}

/* From numbers back to nodes, in place. The lone leaves, which have none, come
 * last in the order. */
static void finish(struct work *w, struct heap_dominators *ret)
{
	uint32_t *number = w->number, n = w->graph->nodes;
	uint32_t *order = tm_big_grow(w->vertex, (size_t)n + 1, sizeof(*order));

	ret->norder = w->n;
	for (uint32_t node = 0; node < n; node++) {
		if (!(number[node] & ALONE))
			continue;
		if (number[number[node] & ~ALONE])
			order[++ret->norder] = node;
		else
			number[node] = 0;
	}
	for (uint32_t node = 0; node < n; node++)
		if (number[node] & ALONE)
			number[node] &= ~ALONE;
		else
			number[node] = number[node] > 1 ?
				order[w->next[number[node]]] : HEAP_NONE;
	memmove(order, order + 1, ret->norder * sizeof(*order));
	ret->order = order;
	ret->idom = number;
}

bool heap_dominators_init(struct heap_dominators *ret,
			  const struct heap_graph *graph)
{
	struct work w = { .graph = graph };

	if (graph->nodes >= SEVERAL || graph->edges >= UINT32_MAX)
		return false;
	work_init(&w);
	walk(&w);
	find_holders(&w);
	find_dominators(&w);
	finish(&w, ret);
	work_deinit(&w);
	return true;
}

void heap_dominators_deinit(struct heap_dominators *self)
{
	tm_big_free(self->idom);
	tm_big_free(self->order);
	*self = (struct heap_dominators){ 0 };
}

void heap_dominators_sum(const struct heap_dominators *self, uint64_t *figures)
{
	for (uint32_t i = self->norder; i-- > 1;)
		figures[self->idom[self->order[i]]] += figures[self->order[i]];
}
