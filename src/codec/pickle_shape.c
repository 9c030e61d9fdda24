#include "codec/pickle_shape.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/guard.h"
#include "base/utf8.h"

void shape_init(struct shape *shape, struct pickle_in *in,
		struct tm_builder *builder, struct tm_meta *meta)
{
	*shape = (struct shape){ .in = in, .builder = builder, .meta = meta,
				 .sites.builder = builder };
	nodes_init(&shape->nodes);
}

void shape_deinit(struct shape *shape)
{
	nodes_deinit(&shape->nodes);
	free(shape->string_ids);
	free(shape->places);
	free(shape->last_place);
	sites_deinit(&shape->sites);
}

static struct value wrong(struct shape *shape, const char *what)
{
	pickle_in_corrupt(shape->in, what);
	return (struct value){ VALUE_NONE, 0, 0 };
}

struct value shape_string(struct shape *shape, const struct tm_buf *text)
{
	uint32_t id;

	if (!tm_utf8_is_text(text->data, text->len))
		return wrong(shape, "a string that is not UTF-8");
	id = tm_intern(&shape->nodes.strings, text->data, text->len);
	return (struct value){ VALUE_STRING, id, 0 };
}

/* An array that grows, with bytes of 0xff in what is new. */
static void *grow_unset(uint32_t *array, size_t *cap, size_t n)
{
	size_t had = *cap;

	array = tm_grow(array, cap, n, sizeof(*array));
	memset(array + had, 0xff, (*cap - had) * sizeof(*array));
	return array;
}

/* Only file names become strings of the model, not the pickle's keys. */
static tm_id model_string(struct shape *shape, uint32_t id)
{
	const struct tm_intern_item *item = &shape->nodes.strings.items[id];

	if (id >= shape->string_ids_cap)
		shape->string_ids = grow_unset(shape->string_ids,
			&shape->string_ids_cap, shape->nodes.strings.n);
	if (shape->string_ids[id] == TM_ID_NONE)
		shape->string_ids[id] = tm_builder_string(shape->builder,
							  item->bytes,
							  item->len);
	return shape->string_ids[id];
}

/* (filename, lineno) */
static bool is_frame(const struct value *items, size_t n)
{
	return n == 2 && items[0].kind == VALUE_STRING &&
	       items[1].kind == VALUE_INT && items[1].num <= UINT32_MAX;
}

static struct value frame(struct shape *shape, const struct value *items)
{
	tm_id name = model_string(shape, items[0].id);

	return (struct value){ VALUE_FRAME,
		tm_builder_frame(shape->builder, name, (uint32_t)items[1].num),
		0 };
}

static bool are_frames(const struct value *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (items[i].kind != VALUE_FRAME)
			return false;
	return n > 0;
}

/* Pickled most recent first; the model has the oldest first. */
static struct value frames(struct shape *shape, const struct value *items,
			   size_t n)
{
	uint32_t id = (uint32_t)shape->sites.n;

	sites_begin(&shape->sites);
	for (size_t i = n; i-- > 0;)
		sites_frame(&shape->sites, items[i].id);
	if (id >= shape->last_place_cap)
		shape->last_place = grow_unset(shape->last_place,
			&shape->last_place_cap, shape->sites.n);
	return (struct value){ VALUE_FRAMES, id, 0 };
}

/*
 * (domain, size, frames, total_nframe) since Python 3.9, without the last in
 * 3.6 to 3.8, (size, frames) in 3.4 and 3.5.
 */
static bool is_trace(const struct value *items, size_t n, struct place *ret)
{
	size_t at = n == 2 ? 1 : 2;
	const struct value *total = n == 4 ? &items[3] : NULL;

	if (n < 2 || n > 4 || items[at].kind != VALUE_FRAMES ||
	    items[at - 1].kind != VALUE_INT ||
	    (at == 2 && (items[0].kind != VALUE_INT || items[0].num > UINT32_MAX)))
		return false;
	*ret = (struct place){ items[at].id, 0, TM_TOTAL_NFRAME_NONE, (uint32_t)n };
	if (at == 2)
		ret->domain = (uint32_t)items[0].num;
	if (total && total->kind == VALUE_INT && total->num < ret->total)
		ret->total = (uint32_t)total->num;
	else if (total && total->kind != VALUE_NONE)
		return false;
	return true;
}

static struct value trace(struct shape *shape, const struct place *place,
			  uint64_t size)
{
	uint32_t *last = &shape->last_place[place->frames];

	if (*last == UINT32_MAX ||
	    memcmp(&shape->places[*last], place, sizeof(*place)) != 0) {
		*last = (uint32_t)shape->nplaces;
		shape->places = tm_grow(shape->places, &shape->places_cap,
					shape->nplaces + 1, sizeof(*place));
		shape->places[shape->nplaces++] = *place;
	}
	return (struct value){ VALUE_TRACE, *last, size };
}

struct value shape_tuple(struct shape *shape, const struct value *items,
			 size_t n)
{
	struct place place;

	if (is_frame(items, n))
		return frame(shape, items);
	if (are_frames(items, n))
		return frames(shape, items, n);
	if (is_trace(items, n, &place))
		return trace(shape, &place, items[n == 2 ? 0 : 1].num);
	return node_create(&shape->nodes, NODE_TUPLE, items, n);
}

/* ---- snapshots ----------------------------------------------------------- */

static const struct node *sequence(const struct shape *shape,
				   const struct value *value)
{
	const struct node *node = node_of(&shape->nodes, value);

	return node && (node->kind == NODE_LIST || node->kind == NODE_TUPLE) ?
	       node : NULL;
}

static const struct node *traces_of(const struct shape *shape,
				    const struct value *snapshot)
{
	struct value traces = node_attr(&shape->nodes, snapshot, ATTR_TRACES);
	struct value list = node_attr(&shape->nodes, &traces, ATTR_TRACES_LIST);
	const struct node *bare = sequence(shape, snapshot);

	if (bare)
		return bare->n && bare->items[0].kind == VALUE_TRACE ? bare : NULL;
	return sequence(shape, &list);
}

/* Of any class: people derive their own. */
bool shape_is_snapshot(const struct shape *shape, const struct value *value)
{
	return traces_of(shape, value) != NULL &&
	       (sequence(shape, value) ||
		node_attr(&shape->nodes, value, ATTR_LIMIT).kind != VALUE_UNSET);
}

static bool foreign_trace(struct shape *shape, const struct value *item)
{
	TM_GUARD(tm_buf_free) struct tm_buf what = { 0 };

	node_describe(&shape->nodes, item, &what);
	shape->in->failed = true;
	return tm_err_set(shape->in->err, TM_ERR_UNSUPPORTED, NULL,
			  "%s is among the traces of the snapshot, before byte %"
			  PRIu64, what.data, pickle_in_offset(shape->in));
}

static bool take_trace(struct shape *shape, const struct value *item,
		       unsigned *saw)
{
	const struct place *place;
	tm_id site;

	if (item->kind != VALUE_TRACE)
		return foreign_trace(shape, item);
	place = &shape->places[item->id];
	site = sites_find(&shape->sites, place->frames, place->domain,
			  place->total, pickle_in_offset(shape->in));
	if (site == TM_ID_NONE)
		return pickle_in_corrupt(shape->in,
			"more tracebacks than the file has room for");
	sites_trace(&shape->sites, site, item->num);
	*saw |= 1u << place->items;
	return true;
}

bool shape_take(struct shape *shape, const struct value *snapshot)
{
	const struct node *traces = traces_of(shape, snapshot);
	struct value limit = node_attr(&shape->nodes, snapshot, ATTR_LIMIT);
	unsigned saw = 0; /* bit n: traces of n items */

	if (limit.kind == VALUE_INT && limit.num <= UINT32_MAX)
		shape->meta->traceback_limit = (uint32_t)limit.num;
	else if (limit.kind != VALUE_UNSET)
		return pickle_in_corrupt(shape->in,
					 "traceback_limit is not a number");
	for (size_t i = 0; traces && i < traces->n; i++)
		if (!take_trace(shape, &traces->items[i], &saw))
			return false;
	sites_flush(&shape->sites);
	/* Without a trace the shape is not known: take the newer one. */
	shape->meta->has_total_nframe = !saw || (saw & 1u << 4);
	return !shape->in->failed;
}
