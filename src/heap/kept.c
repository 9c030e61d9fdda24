#include "heap/kept.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/big.h"
#include "base/guard.h"
#include "base/map.h"
#include "heap/values.h"

enum {
	SMALL_ROW = 128, /* references of a dict's table: two for each item */
	FEW = 16,        /* of the keys of a larger one are kept, as examples, */
	RARE = 64,       /* and all that lead to an object of a type with no more */
	ONCE = 1,        /* not kept, unless another dict has it */
};

struct kept_room {
	uint64_t used, allocated;
	uint32_t item_size;
};

struct heap_kept {
	struct heap_census_ops ops;
	const struct heap_census_ops *before;
	struct tm_map keys;         /* node -> literal */
	const char **literals;      /* in the census's arena */
	size_t nliterals, literals_cap;
	struct tm_map rooms;        /* node -> room */
	struct kept_room *room;
	size_t nroom, room_cap;
	struct heap_values values;
	bool has_values;
};

/* ---- which keys ----------------------------------------------------------------- */

static bool is_object(const struct heap_census *census, uint32_t node)
{
	return heap_node_kind(census, node) == HEAP_OBJECT &&
	       census->info[node] < census->ntypes;
}

/* By type: how many objects it has. */
static uint32_t *count_types(const struct heap_census *census)
{
	uint32_t *counts = tm_calloc(census->ntypes + 1u, sizeof(*counts));

	for (uint32_t node = 1; node < census->graph.nodes; node++)
		if (is_object(census, node))
			counts[census->info[node]]++;
	return counts;
}

static void mark_keys(const struct heap_census *census, uint32_t node,
		      const uint32_t *counts, uint8_t *keys)
{
	const struct heap_graph *graph = &census->graph;
	uint64_t degree = graph->row[node + 1] - graph->row[node];

	for (uint64_t e = graph->row[node]; e < graph->row[node + 1]; e++) {
		uint32_t how = census->how[e], key = heap_edge_value(how);
		uint32_t to = graph->to[e];
		bool local = heap_edge_kind(how) == HEAP_EDGE_LOCAL;
		bool rare = is_object(census, to) && counts[census->info[to]] <= RARE;

		if ((!local && heap_edge_kind(how) != HEAP_EDGE_VALUE) ||
		    key == 0 || key >= graph->nodes)
			continue;
		keys[key] = keys[key] || local || rare || degree <= SMALL_ROW ||
			    e - graph->row[node] < 2 * FEW ? HEAP_KEEP : ONCE;
	}
}

static void mark_modules(const struct heap_census *census, uint8_t *keys)
{
	const struct heap_graph *graph = &census->graph;

	for (uint32_t i = 0; i < census->nroots; i++) {
		uint32_t dict = graph->to[graph->row[0] + i];

		if (census->roots[i].kind != HEAP_ROOT_MODULE)
			continue;
		for (uint64_t b = graph->row[dict]; b < graph->row[dict + 1]; b++) {
			uint32_t table = graph->to[b];

			if (heap_edge_kind(census->how[b]) != HEAP_EDGE_BUFFER)
				continue;
			for (uint64_t e = graph->row[table]; e < graph->row[table + 1]; e++)
				if (heap_edge_kind(census->how[e]) == HEAP_EDGE_VALUE &&
				    heap_edge_value(census->how[e]) < graph->nodes)
					keys[heap_edge_value(census->how[e])] = HEAP_KEEP;
		}
	}
}

uint8_t *heap_keys_to_keep(const struct heap_census *census)
{
	uint8_t *keys = tm_big_alloc(census->graph.nodes, sizeof(*keys));
	TM_GUARD(tm_free_ptr) uint32_t *counts = count_types(census);

	for (uint32_t node = 0; node < census->graph.nodes; node++)
		mark_keys(census, node, counts, keys);
	mark_modules(census, keys);
	keys[0] = 0;
	return keys;
}

/* ---- from what is kept ------------------------------------------------------------ */

static bool key(struct heap_census *census, uint32_t node, struct tm_buf *ret)
{
	const struct heap_kept *kept = census->kept;
	uint32_t literal = tm_map_get(&kept->keys, node);

	if (literal == TM_MAP_NONE)
		return false;
	tm_buf_adds(ret, kept->literals[literal]);
	return true;
}

static bool room(struct heap_census *census, uint32_t node, uint64_t *used,
		 uint64_t *allocated, uint32_t *item_size)
{
	const struct heap_kept *kept = census->kept;
	uint32_t at = tm_map_get(&kept->rooms, node);

	if (at == TM_MAP_NONE)
		return false;
	*used = kept->room[at].used;
	*allocated = kept->room[at].allocated;
	*item_size = kept->room[at].item_size;
	return true;
}

static void destroy(struct heap_census *census)
{
	struct heap_kept *kept = census->kept;

	census->ops = kept->before;
	tm_map_free(&kept->keys);
	tm_map_free(&kept->rooms);
	free(kept->literals);
	free(kept->room);
	heap_values_free(&kept->values);
	free(kept);
	census->ops->destroy(census);
}

/* ---- keeping ------------------------------------------------------------------------ */

/* "['k']" in the expression names the key 'k'. */
static bool is_named(const char *expression, const struct tm_buf *literal)
{
	const char *at = expression;

	while ((at = strstr(at, literal->data))) {
		if (at > expression && at[-1] == '[' && at[literal->len] == ']')
			return true;
		at++;
	}
	return false;
}

static void keep_keys(struct heap_census *census, struct heap_kept *kept,
		      const char *expression)
{
	bool all = expression && strchr(expression, '[');
	TM_GUARD(tm_buf_free) struct tm_buf text = { 0 };
	uint8_t *keys = heap_keys_to_keep(census);

	for (uint32_t node = 1; node < census->graph.nodes; node++) {
		if (!keys[node] || (keys[node] == ONCE && !all))
			continue;
		tm_buf_clear(&text);
		tm_buf_add(&text, "", 0);
		if (!census->ops->key(census, node, &text) || text.len > HEAP_KEY_LIMIT ||
		    memchr(text.data, '\0', text.len) ||
		    (keys[node] == ONCE && !is_named(expression, &text)))
			continue;
		*tm_map_put(&kept->keys, node) = (uint32_t)kept->nliterals;
		kept->literals = tm_grow(kept->literals, &kept->literals_cap,
					 kept->nliterals + 1, sizeof(*kept->literals));
		kept->literals[kept->nliterals++] =
			tm_arena_bytes(&census->strings, text.data, text.len);
	}
	tm_big_free(keys);
}

static void keep_room(struct heap_census *census, struct heap_kept *kept)
{
	struct kept_room found;

	for (uint32_t node = 1; node < census->graph.nodes; node++) {
		if (heap_node_kind(census, node) != HEAP_OBJECT ||
		    !census->ops->room(census, node, &found.used, &found.allocated,
				       &found.item_size) ||
		    found.allocated <= found.used)
			continue;
		*tm_map_put(&kept->rooms, node) = (uint32_t)kept->nroom;
		kept->room = tm_grow(kept->room, &kept->room_cap, kept->nroom + 1,
				     sizeof(*kept->room));
		kept->room[kept->nroom++] = found;
	}
}

void heap_census_keep(struct heap_census *census, const struct heap_keep *what)
{
	struct heap_kept *kept = tm_calloc(1, sizeof(*kept));

	keep_keys(census, kept, what->expression);
	if (census->ops->room)
		keep_room(census, kept);
	if (what->values && census->ops->value) {
		heap_values_collect(&kept->values, census);
		kept->has_values = true;
	}
	kept->before = census->ops;
	kept->ops = *census->ops;
	kept->ops.key = key;
	kept->ops.room = census->ops->room ? room : NULL;
	kept->ops.value = NULL;
	kept->ops.destroy = destroy;
	census->ops = &kept->ops;
	census->kept = kept;
}

const struct heap_values *heap_kept_values(const struct heap_census *census)
{
	return census->kept && census->kept->has_values ? &census->kept->values : NULL;
}
