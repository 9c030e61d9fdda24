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

static struct value frames(struct shape *shape, const struct value *items,
			   size_t n)
{
	struct frames_tuple *tuple;

	shape->tuples = tm_grow(shape->tuples, &shape->tuples_cap,
				shape->ntuples + 1, sizeof(*shape->tuples));
	shape->frames = tm_grow(shape->frames, &shape->frames_cap,
				shape->nframes + n, sizeof(*shape->frames));
	tuple = &shape->tuples[shape->ntuples];
	*tuple = (struct frames_tuple){ .first = shape->nframes,
					.n = (uint32_t)n,
					.traceback = TM_ID_NONE,
					.site = TM_ID_NONE };
	for (size_t i = n; i-- > 0;) {
		if (items[i].kind != VALUE_FRAME)
			return wrong(shape, "a tuple that is no part of a snapshot");
		shape->frames[shape->nframes++] = items[i].id;
	}
	return (struct value){ VALUE_FRAMES, (uint32_t)shape->ntuples++, 0 };
}

/*
 * A long tuple under ever new total_nframes would fill the memory from a small
 * file. Genuine ones take two bytes per frame of every traceback.
 */
static tm_id traceback(struct shape *shape, struct frames_tuple *t,
		       uint32_t total)
{
	if (t->traceback != TM_ID_NONE && t->total == total)
		return t->traceback;
	shape->used_frames += t->n;
	if (shape->used_frames > pickle_in_offset(shape->in)) {
		wrong(shape, "more tracebacks than the file has room for");
		return TM_ID_NONE;
	}
	t->traceback = tm_builder_traceback(shape->builder,
					    shape->frames + t->first, t->n,
					    total);
	t->total = total;
	t->site = TM_ID_NONE;
	return t->traceback;
}

static tm_id site(struct shape *shape, uint32_t tuple, uint32_t domain,
		  uint32_t total)
{
	struct frames_tuple *t = &shape->tuples[tuple];
	tm_id at = traceback(shape, t, total);

	if (t->site == TM_ID_NONE || t->domain != domain) {
		t->site = tm_builder_site(shape->builder, at, domain);
		t->domain = domain;
	}
	return t->site;
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
	return (struct value){ VALUE_TRACE,
		site(shape, items[2].id, (uint32_t)items[0].num, total),
		items[1].num };
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

static void hand_over(struct shape *shape)
{
	tm_builder_rows(shape->builder, shape->rows, shape->nrows);
	shape->nrows = 0;
}

void shape_append(struct shape *shape, const struct value *items, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (items[i].kind != VALUE_TRACE) {
			wrong(shape, "something else among the traces");
			return;
		}
		if (shape->nrows == SHAPE_ROWS)
			hand_over(shape);
		shape->rows[shape->nrows++] = (struct tm_row){
			.size = items[i].num, .site = items[i].id, .count = 1,
		};
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
	hand_over(shape);
	/* Without a trace there is no telling: the newer shape. */
	shape->meta->has_total_nframe = shape->saw_four || !shape->saw_three;
	return !shape->in->failed;
}

void shape_deinit(struct shape *shape)
{
	tm_intern_free(&shape->strings);
	free(shape->string_ids);
	free(shape->tuples);
	free(shape->frames);
}
