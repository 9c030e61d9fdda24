#include "codec/pickle_shape.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/text.h"

static const char *const class_names[] = { "Snapshot", "_Traces" };

static struct value wrong(struct shape *shape, const char *what)
{
	pickle_in_corrupt(shape->in, what);
	return (struct value){ VALUE_NONE, 0, 0 };
}

struct value shape_string(struct shape *shape, const struct tm_buf *text)
{
	uint32_t id;

	if (!text_is_valid(text->data, text->len))
		return wrong(shape, "a string that is not UTF-8");
	id = tm_intern(&shape->strings, text->data, text->len);
	return (struct value){ VALUE_STRING, id, 0 };
}

/* Only file names become strings of the model, not the pickle's keys. */
static tm_id model_string(struct shape *shape, uint32_t id)
{
	const struct tm_intern_item *item = &shape->strings.items[id];
	size_t had = shape->string_ids_cap;

	if (id >= had) {
		shape->string_ids = tm_grow(shape->string_ids,
			&shape->string_ids_cap, shape->strings.n,
			sizeof(*shape->string_ids));
		memset(shape->string_ids + had, 0xff,
		       (shape->string_ids_cap - had) *
		       sizeof(*shape->string_ids));
	}
	if (shape->string_ids[id] == TM_ID_NONE)
		shape->string_ids[id] = tm_builder_string(shape->builder,
							  item->bytes,
							  item->len);
	return shape->string_ids[id];
}

static struct value frame(struct shape *shape, const struct value *items)
{
	tm_id name = model_string(shape, items[0].id);

	if (items[1].num > UINT32_MAX)
		return wrong(shape, "a line number beyond 32 bits");
	return (struct value){ VALUE_FRAME,
		tm_builder_frame(shape->builder, name, (uint32_t)items[1].num),
		0 };
}

/* Pickled most recent first; the model has the oldest first. */
static struct value frames(struct shape *shape, const struct value *items,
			   size_t n)
{
	uint32_t id = (uint32_t)shape->sites.n;

	sites_begin(&shape->sites);
	for (size_t i = n; i-- > 0;) {
		if (items[i].kind != VALUE_FRAME)
			return wrong(shape, "a tuple that is no part of a snapshot");
		sites_frame(&shape->sites, items[i].id);
	}
	return (struct value){ VALUE_FRAMES, id, 0 };
}

static struct value trace_at(struct shape *shape, const struct value *items,
			     uint32_t total)
{
	tm_id site = sites_find(&shape->sites, items[2].id,
				(uint32_t)items[0].num, total,
				pickle_in_offset(shape->in));

	if (site == TM_ID_NONE)
		return wrong(shape, "more tracebacks than the file has room for");
	return (struct value){ VALUE_TRACE, site, items[1].num };
}

/* (domain, size, frames[, total_nframe]) */
static struct value trace(struct shape *shape, const struct value *items,
			  size_t n)
{
	uint32_t total = TM_TOTAL_NFRAME_NONE;

	if (items[1].kind != VALUE_INT || items[2].kind != VALUE_FRAMES)
		return wrong(shape, "a tuple that is no part of a snapshot");
	if (items[0].num > UINT32_MAX)
		return wrong(shape, "a domain beyond 32 bits");
	if (n == 3)
		shape->saw_three = true;
	else
		shape->saw_four = true;
	if (n == 4 && items[3].kind == VALUE_INT) {
		if (items[3].num >= TM_TOTAL_NFRAME_NONE)
			return wrong(shape, "a total_nframe beyond 32 bits");
		total = (uint32_t)items[3].num;
	} else if (n == 4 && items[3].kind != VALUE_NONE) {
		return wrong(shape, "a total_nframe that is no number");
	}
	return trace_at(shape, items, total);
}

struct value shape_tuple(struct shape *shape, const struct value *items,
			 size_t n)
{
	if (n == 0)
		return (struct value){ VALUE_EMPTY, 0, 0 };
	if (n == 2 && items[0].kind == VALUE_STRING &&
	    items[1].kind == VALUE_INT)
		return frame(shape, items);
	if ((n == 3 || n == 4) && items[0].kind == VALUE_INT)
		return trace(shape, items, n);
	return frames(shape, items, n);
}

struct value shape_class(struct shape *shape, const char *module,
			 const char *name)
{
	for (uint32_t i = 0; i < 2; i++)
		if (strcmp(module, "tracemalloc") == 0 &&
		    strcmp(name, class_names[i]) == 0)
			return (struct value){ VALUE_CLASS, i, 0 };
	if (!shape->in->failed) {
		shape->in->failed = true;
		tm_err_set(shape->in->err, TM_ERR_UNSUPPORTED, NULL,
			   "not a tracemalloc snapshot: it holds %.60s.%.60s at byte %"
			   PRIu64, module, name, pickle_in_offset(shape->in));
		tm_err_hint(shape->in->err, "only what Snapshot.dump() wrote "
			    "is read; nothing in a pickle is run");
	}
	return (struct value){ VALUE_NONE, 0, 0 };
}

struct value shape_object(struct shape *shape, const struct value *cls,
			  const struct value *args)
{
	if (cls->kind != VALUE_CLASS || args->kind != VALUE_EMPTY)
		return wrong(shape, "an object that is no snapshot");
	if (shape->has_object[cls->id])
		return wrong(shape, "a second snapshot");
	shape->has_object[cls->id] = true;
	return (struct value){ VALUE_OBJECT, cls->id, 0 };
}

struct value shape_list(struct shape *shape)
{
	if (shape->has_list)
		return wrong(shape, "a second list of traces");
	shape->has_list = true;
	return (struct value){ VALUE_LIST, 0, 0 };
}

void shape_append(struct shape *shape, const struct value *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (items[i].kind != VALUE_TRACE) {
			wrong(shape, "something else among the traces");
			return;
		}
		sites_trace(&shape->sites, items[i].id, items[i].num);
	}
}

static bool is_word(const struct shape *shape, const struct value *value,
		    const char *word)
{
	const struct tm_intern_item *item;

	if (value->kind != VALUE_STRING)
		return false;
	item = &shape->strings.items[value->id];
	return item->len == strlen(word) && !memcmp(item->bytes, word, item->len);
}

/* Attributes somebody added to their snapshot do not matter. */
void shape_set(struct shape *shape, const struct value *key,
	       const struct value *value)
{
	if (is_word(shape, key, "_traces")) {
		if (value->kind != VALUE_LIST)
			wrong(shape, "_traces is not a list");
		shape->list_set = true;
	} else if (is_word(shape, key, "traces")) {
		if (value->kind != VALUE_OBJECT || value->id != CLASS_TRACES)
			wrong(shape, "traces is not a _Traces object");
		shape->traces_set = true;
	} else if (is_word(shape, key, "traceback_limit")) {
		if (value->kind != VALUE_INT || value->num > UINT32_MAX)
			wrong(shape, "traceback_limit is not a number");
		shape->meta->traceback_limit = (uint32_t)value->num;
		shape->limit_set = true;
	}
}

void shape_build(struct shape *shape, const struct value *object,
		 const struct value *state)
{
	if (object->kind != VALUE_OBJECT || state->kind != VALUE_DICT)
		wrong(shape, "an object that is no snapshot");
	else
		shape->built[object->id] = true;
}

bool shape_finish(struct shape *shape, const struct value *top)
{
	if (top->kind != VALUE_OBJECT || top->id != CLASS_SNAPSHOT)
		return pickle_in_corrupt(shape->in, "not a tracemalloc snapshot");
	if (!shape->built[CLASS_SNAPSHOT] || !shape->built[CLASS_TRACES] ||
	    !shape->list_set || !shape->traces_set || !shape->limit_set)
		return pickle_in_corrupt(shape->in, "an incomplete snapshot");
	sites_flush(&shape->sites);
	/* Without a trace there is no telling: the newer shape. */
	shape->meta->has_total_nframe = shape->saw_four || !shape->saw_three;
	return !shape->in->failed;
}

void shape_deinit(struct shape *shape)
{
	tm_intern_free(&shape->strings);
	free(shape->string_ids);
	sites_deinit(&shape->sites);
}
