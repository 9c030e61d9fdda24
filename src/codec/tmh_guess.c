#include "base/big.h"
#include "codec/tmh.h"

void tmh_guess_init(struct tmh_guess *ret, const struct heap_census *census)
{
	*ret = (struct tmh_guess){ .census = census };
	ret->shape = tm_big_alloc(2 * (size_t)census->ntypes + 1, sizeof(*ret->shape));
}

void tmh_guess_deinit(struct tmh_guess *self)
{
	tm_big_free(self->shape);
}

/* Objects by type, buffers by their owner's, then the rest. */
static uint32_t *shape_of(struct tmh_guess *self, uint32_t node)
{
	const struct heap_census *census = self->census;
	uint32_t type = heap_census_type(census, node);

	if (type == HEAP_NO_TYPE)
		return &self->shape[2 * (size_t)census->ntypes];
	return &self->shape[heap_node_kind(census, node) == HEAP_BUFFER ?
			    (size_t)census->ntypes + type : type];
}

void tmh_guess_node(struct tmh_guess *self, uint32_t node)
{
	const uint64_t *row = self->census->graph.row;
	uint32_t *shape;

	self->n = 0;
	/* A node without any says nothing about the next. */
	if (row[node] == row[node + 1])
		return;
	shape = shape_of(self, node);
	if (*shape) {
		self->row = row[*shape];
		self->n = row[*shape + 1] - self->row;
		if (self->n > TMH_ROW)
			self->n = TMH_ROW;
	}
	*shape = node;
}
