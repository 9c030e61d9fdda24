#include "codec/tmh_census.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/big.h"

static const struct tmh_census *of_file(const struct heap_census *census)
{
	return (const struct tmh_census *)census;
}

static uint64_t address(const struct heap_census *census, uint32_t node)
{
	return of_file(census)->address[node];
}

static uint64_t size(const struct heap_census *census, uint32_t node)
{
	const struct tmh_census *self = of_file(census);

	return self->size[node] != UINT32_MAX ? self->size[node] :
	       self->large_sizes[tm_map_get(&self->large, node)];
}

/* Asked once or twice: it need not be fast. */
static uint32_t find(const struct heap_census *census, uint64_t at)
{
	const struct tmh_census *self = of_file(census);

	for (uint32_t node = 1; node < census->graph.nodes; node++)
		if (at >= self->address[node] &&
		    at - self->address[node] < size(census, node))
			return node;
	return 0;
}

static bool key(struct heap_census *census, uint32_t node, struct tm_buf *ret)
{
	const struct tmh_census *self = of_file(census);
	uint32_t string = tm_map_get(&self->keys, node);

	if (string == TM_MAP_NONE)
		return false;
	tm_buf_adds(ret, self->strings[string]);
	return true;
}

static bool room(struct heap_census *census, uint32_t node, uint64_t *used,
		 uint64_t *allocated, uint32_t *item_size)
{
	const struct tmh_census *self = of_file(census);
	uint32_t at = tm_map_get(&self->rooms, node);

	if (at == TM_MAP_NONE)
		return false;
	*used = self->room[at].used;
	*allocated = self->room[at].allocated;
	*item_size = self->room[at].item_size;
	return true;
}

static void destroy(struct heap_census *census)
{
	struct tmh_census *self = (struct tmh_census *)census;

	heap_census_deinit(census);
	tm_big_free(self->address);
	tm_big_free(self->size);
	tm_map_free(&self->large);
	tm_map_free(&self->keys);
	tm_map_free(&self->rooms);
	free(self->large_sizes);
	free(self->strings);
	free(self->room);
	free(self);
}

struct tmh_census *tmh_census_create(void)
{
	static const struct heap_census_ops ops = {
		.address = address, .size = size, .find = find, .key = key,
		.room = room, .destroy = destroy,
	};
	struct tmh_census *self = tm_calloc(1, sizeof(*self));

	self->census.ops = &ops;
	return self;
}

void tmh_census_set_size(struct tmh_census *self, uint32_t node, uint64_t bytes)
{
	if (bytes < UINT32_MAX) {
		self->size[node] = (uint32_t)bytes;
		return;
	}
	self->size[node] = UINT32_MAX;
	*tm_map_put(&self->large, node) = (uint32_t)self->nlarge;
	self->large_sizes = tm_grow(self->large_sizes, &self->large_cap,
				    self->nlarge + 1, sizeof(*self->large_sizes));
	self->large_sizes[self->nlarge++] = bytes;
}
