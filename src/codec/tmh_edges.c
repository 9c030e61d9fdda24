#include "codec/tmh_edges.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/big.h"

void tmh_edges_begin(struct tmh_edges *self, struct tms_in *in,
		     struct heap_census *census)
{
	self->in = in;
	self->census = census;
	census->graph.row = tm_big_alloc((size_t)census->graph.nodes + 1,
					 sizeof(*census->graph.row));
	tmh_guess_init(&self->guess, census);
	self->hows = tm_reallocarray(NULL, TMH_PER_CHUNK, sizeof(*self->hows));
	self->node = UINT32_MAX;
}

void tmh_edges_deinit(struct tmh_edges *self)
{
	tmh_guess_deinit(&self->guess);
	free(self->hows);
}

void tmh_edges_degrees(struct tmh_edges *self, const uint64_t *degrees, uint32_t n)
{
	struct heap_graph *graph = &self->census->graph;

	if (n > graph->nodes - self->nodes || self->edges) {
		tms_in_corrupt(self->in, "degrees of nodes that do not exist");
		return;
	}
	for (uint32_t i = 0; i < n; i++) {
		if (degrees[i] >= UINT32_MAX - self->sum) {
			tms_in_corrupt(self->in, "more references than there can be");
			return;
		}
		self->sum += degrees[i];
		graph->row[++self->nodes] = self->sum;
	}
}

static void grow(struct tmh_edges *self, uint64_t need)
{
	struct heap_census *census = self->census;
	uint64_t cap = self->cap + self->cap / 2;

	if (need <= self->cap)
		return;
	/* Nearly all are there at once if the file holds what it promises. */
	if (cap < need)
		cap = need;
	if (cap < 4 * TMH_PER_CHUNK)
		cap = 4 * TMH_PER_CHUNK;
	census->graph.to = tm_big_grow(census->graph.to, cap, sizeof(*census->graph.to));
	census->how = tm_big_grow(census->how, cap, sizeof(*census->how));
	self->cap = cap;
}

/* The edge that comes next: of which node, and which of its row. */
static void advance(struct tmh_edges *self, uint64_t edge)
{
	const uint64_t *row = self->census->graph.row;

	if (self->node != UINT32_MAX && edge < row[self->node + 1])
		return;
	do
		self->node++;
	while (row[self->node + 1] <= edge);
	tmh_guess_node(&self->guess, self->node);
}

/* The code of `how`; the target is known. */
static uint32_t how_of(struct tmh_edges *self, uint64_t code, uint64_t edge, uint64_t i)
{
	const struct heap_census *census = self->census;
	uint32_t kind = (uint32_t)(code - 1) & 15;
	uint64_t value = (code - 1) >> 4;

	if (code == 0) {
		if (i < self->guess.n)
			return census->how[self->guess.row + i];
		tms_in_corrupt(self->in, "a reference like none before");
		return 0;
	}
	if (kind == HEAP_EDGE_INDEX)
		value = i + (uint64_t)tmh_unzigzag(value);
	else if (tmh_is_relative(kind))
		value = tmh_guess_value(&self->guess, self->node, edge, i) +
			(uint64_t)tmh_unzigzag(value);
	if (kind > HEAP_EDGE_ROOT || value > HEAP_EDGE_MAX)
		tms_in_corrupt(self->in, "an unknown kind of reference");
	return kind << HEAP_EDGE_SHIFT | (uint32_t)(value & HEAP_EDGE_MAX);
}

static uint64_t to_of(struct tmh_edges *self, uint64_t code, uint64_t edge, uint64_t i)
{
	uint64_t to = tmh_guess_to(&self->guess, self->node, edge, i) +
		      (uint64_t)tmh_unzigzag(code);

	if (to < self->census->graph.nodes)
		return to;
	tms_in_corrupt(self->in, "a reference to no node");
	return 0;
}

void tmh_edges_read(struct tmh_edges *self, uint64_t *column, uint32_t n)
{
	struct heap_census *census = self->census;
	struct heap_graph *graph = &census->graph;

	if (self->nodes != graph->nodes || n > self->sum - self->edges) {
		tms_in_corrupt(self->in, "references of nodes that do not exist");
		return;
	}
	tms_in_varints(self->in, column, n);
	tms_in_varints(self->in, self->hows, n);
	if (tms_in_failed(self->in))
		return;
	grow(self, self->edges + n);
	for (uint32_t k = 0; k < n && !tms_in_failed(self->in); k++) {
		uint64_t edge = self->edges++, i;

		advance(self, edge);
		i = edge - graph->row[self->node];
		graph->to[edge] = (uint32_t)to_of(self, column[k], edge, i);
		census->how[edge] = how_of(self, self->hows[k], edge, i);
	}
}

bool tmh_edges_end(struct tmh_edges *self)
{
	struct heap_census *census = self->census;

	census->graph.edges = self->edges;
	/* Never NULL: that would mean that there are no references. */
	grow(self, 1);
	return self->nodes == census->graph.nodes && self->edges == self->sum;
}
